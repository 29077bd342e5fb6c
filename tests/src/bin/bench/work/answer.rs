//! What the programs inside print, as values.

/// What `work` says at its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) value: f64,
    /// A second, of a disk's function.
    pub(crate) interrupts: Option<f64>,
    /// Cores that were not idle, of what has a device.
    pub(crate) busy: Option<f64>,
}

/// The answers in what was printed, in its order.
pub(crate) fn answers(output: &str) -> Vec<Answer> {
    output.lines().filter_map(answer).collect()
}

fn answer(line: &str) -> Option<Answer> {
    let words = line.trim().strip_prefix("WORK ")?;
    let number = |key: &str| {
        let mut words = words.split(' ');
        let text = words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))?;
        figure(text)
    };
    Some(Answer {
        value: number("value")?,
        interrupts: number("interrupts"),
        busy: number("busy"),
    })
}

/// What the receiver has got, in Mbit/s, of what `iperf3 -f k` prints.
pub(crate) fn megabits(output: &str) -> Option<f64> {
    let line = output.lines().find(|line| line.contains("receiver"))?;
    let (before, _) = line.split_once(" Kbits/sec")?;
    let kilobits = figure(before.split_ascii_whitespace().next_back()?)?;
    Some(kilobits / 1000.0)
}

/// Nothing that is measured here is zero when it works.
fn figure(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && number > 0.0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_work_says() {
        let output = "[1]+ Done\nWORK value=1234.500\r\nWORK value=2.000 interrupts=99.000 busy=0.250000\n\
                      WORK failed: no disk on bus 01\nWORK value=0.000\nWORK value=NaN\n";
        let wanted = [
            Answer {
                value: 1234.5,
                interrupts: None,
                busy: None,
            },
            Answer {
                value: 2.0,
                interrupts: Some(99.0),
                busy: Some(0.25),
            },
        ];
        assert_eq!(answers(output), wanted);
    }

    #[test]
    fn reads_what_iperf3_says() {
        let output = "\
[ ID] Interval           Transfer     Bitrate         Retr
[  5]   0.00-2.00   sec  50.0 MBytes  209715 Kbits/sec    0             sender
[  5]   0.00-2.10   sec  49.9 MBytes  199123 Kbits/sec                  receiver
";
        assert_eq!(megabits(output), Some(199.123));
        assert_eq!(
            megabits("iperf3: error - unable to connect to server"),
            None
        );
    }
}
