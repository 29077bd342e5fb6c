//! Devices and controllers that say anything.

use bulkhead_usb::{Host, needs};
use proptest::prelude::*;

use crate::device::Speed;
use crate::fake::Fake;
use crate::{A, Bench, keyboard};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn descriptors_may_be_anything(said in proptest::collection::vec(0u8..40, 0..64)) {
        let mut bench = Bench::new(Fake::new());
        let mut device = keyboard(Speed::Full);
        device.nonsense = Some(said);
        bench.fake.plug(1, device);
        bench.run(3000);
        bench.fake.plug(2, keyboard(Speed::Low));
        bench.run(500);
        prop_assert_eq!(bench.press(&[2], 4), A);
    }

    #[test]
    fn events_may_be_anything(events in proptest::collection::vec(any::<[u32; 4]>(), 32), kind in 32u32..36) {
        let mut bench = Bench::new(Fake::new());
        bench.fake.plug(1, keyboard(Speed::Full));
        bench.run(500);
        for (index, mut event) in events.into_iter().enumerate() {
            event[3] = event[3] & 0x0f1f_03fe | kind << 10;
            for (offset, dword) in event.into_iter().enumerate() {
                bench.fake.memory[0x80 + index * 4 + offset] = dword | u32::from(offset == 3);
            }
        }
        bench.run(1000);
    }

    #[test]
    fn registers_may_be_anything(values in proptest::collection::vec(any::<u32>(), 64)) {
        struct Noise(Vec<u32>);
        impl bulkhead_usb::Io for Noise {
            fn read(&self, offset: u32) -> u32 {
                self.0[(offset / 4) as usize % self.0.len()]
            }
            fn write(&mut self, _: u32, _: u32) {}
            fn load(&self, offset: u32) -> u32 {
                self.read(offset)
            }
            fn store(&mut self, _: u32, _: u32) {}
            fn base(&self) -> u32 {
                0x1000_0000
            }
        }
        let mut noise = Noise(values);
        noise.0[0] = noise.0[0] & !0xff | 0x20;
        noise.0[10] |= 1;
        let Ok(needs) = needs(&noise) else { return Ok(()) };
        let mut host = Host::new(&noise, needs);
        host.start(&mut noise, 0);
        for now in 0..3000 {
            host.poll(&mut noise, now);
        }
    }
}
