use bulkhead_terminal::serial::Speed;
use proptest::prelude::*;

#[test]
fn rates_and_their_divisors() {
    let table = [
        ("115200", Some(115_200), Some(1)),
        ("57600", Some(57_600), Some(2)),
        ("9600", Some(9600), Some(12)),
        ("300", Some(300), Some(384)),
        // Not even: near enough, and not.
        ("38000", Some(38_000), Some(3)),
        ("56000", None, None),
        ("921600@14745600", Some(921_600), Some(1)),
        ("115200@14745600", Some(115_200), Some(8)),
        ("115200@62500000", Some(115_200), Some(34)),
        ("2", Some(2), Some(57_600)),
    ];
    for (text, baud, divisor) in table {
        let speed: Result<Speed, _> = text.parse();
        let Some(baud) = baud else {
            assert!(speed.is_err(), "{text}");
            continue;
        };
        let speed = speed.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (speed.baud(), speed.divisor()),
            (Some(baud), divisor),
            "{text}"
        );
        assert_eq!(speed.to_string(), format!("{baud} baud"));
    }
    let keep: Speed = "keep".parse().unwrap();
    assert_eq!((keep, keep.divisor()), (Speed::KEEP, None));
    assert_eq!(keep.of_divisor(12), 9600);
    assert_eq!(keep.of_divisor(0), 115_200);
    assert_eq!("115200".parse(), Ok(Speed::USUAL));
}

#[test]
fn what_is_no_rate_is_said() {
    let not_a_rate = [
        "",
        "fast",
        "+9600",
        "0",
        "9600@",
        "9600@0",
        "-1@5",
        "99999999999",
    ];
    for text in not_a_rate {
        let error = text.parse::<Speed>().unwrap_err().to_string();
        assert!(error.contains("is not a rate (accepted: RATE, "), "{error}");
    }
    let table = [
        ("230400", "1843200 Hz (nearest: 115200)"),
        ("9600@15", "15 Hz (nearest: 0)"),
        ("1", "1843200 Hz (nearest: 1)"),
    ];
    for (text, why) in table {
        let error = text.parse::<Speed>().unwrap_err().to_string();
        let baud = text.split('@').next().unwrap();
        assert_eq!(
            error,
            format!("{baud} baud can't be made of a clock of {why}")
        );
    }
}

#[test]
fn how_often_to_look() {
    assert_eq!(Speed::look_us(115_200), 694);
    assert_eq!(Speed::look_us(921_600), 86);
    assert_eq!(Speed::look_us(9600), 1000);
    assert_eq!(Speed::look_us(0), 1000);
    assert_eq!(Speed::look_us(u32::MAX), 50);
    assert!(Speed::patience_us(0) > Speed::patience_us(300));
}

proptest! {
    #[test]
    fn any_rate(baud in any::<u32>(), clock in any::<u32>()) {
        if let Ok(speed) = Speed::new(baud, clock) {
            let made = f64::from(clock / 16) / f64::from(speed.divisor().unwrap());
            prop_assert!((made - f64::from(baud)).abs() <= f64::from(baud) * 0.021);
        }
        let _ = Speed::patience_us(baud) + Speed::look_us(baud);
    }

    #[test]
    fn any_text(text in "\\PC*") {
        if let Err(error) = text.parse::<Speed>() {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// A 16550 fills up later than it is looked at, for every rate up to eight times the usual one.
    #[test]
    fn no_fifo_runs_over(baud in 1u32..=1_000_000) {
        let arrived = Speed::look_us(baud) * u64::from(baud) / 10_000_000;
        prop_assert!(arrived <= 8);
    }
}
