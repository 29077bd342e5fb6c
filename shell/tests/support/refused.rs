//! Lines that are refused.

use super::Session;

/// Two partitions, one of which runs.
const SETUP: &str = "
    define web cores=2-3 memory=512M kernel=linux61 initrd=demo console=com2
    define db cores=4 memory=512M kernel=linux612
    start web
";

/// Types every line, and compares what stands below it: carets, then `error: ` and the text.
pub(crate) fn assert_refused(table: &[(&str, &str, String)]) {
    for (line, carets, message) in table {
        let mut session = Session::after(SETUP);
        let before = session.kernel.ledger.clone();
        let said = session.line(line);
        let below = format!("{:10}{carets}\nerror: {message}\n", "");
        assert_eq!(said, below, "\n{line}");
        assert_eq!(session.kernel.ledger, before, "{line}");
        assert_eq!(session.kernel.started, ["web"], "{line}");
        let kernel = &session.kernel;
        assert_eq!((kernel.ends, kernel.halts), (0, 0), "{line}");
        let touched = [&kernel.restarted, &kernel.handed, &kernel.prepared];
        assert!(touched.iter().all(|names| names.is_empty()), "{line}");
    }
}
