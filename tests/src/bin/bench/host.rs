//! What the runs ran on.

use bulkhead_tests::qemu::version;
use bulkhead_tests::source;

pub(crate) struct Host {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    /// Load average of the last minute, before the runs.
    pub(crate) load: String,
    pub(crate) qemu: String,
    pub(crate) accelerator: String,
    /// Of Bulkhead, and whether that is what is measured: git's words, or `unknown`.
    pub(crate) commit: String,
    /// Year, month, day.
    pub(crate) date: String,
}

impl Host {
    /// `arguments` are QEMU's own of its accelerator.
    pub(crate) fn ask(arguments: &[&str]) -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let model = info.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split_once(": "));
        Self {
            processor: model.map_or("unknown", |(_, name)| name).to_string(),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            load: load(),
            qemu: version(),
            accelerator: arguments.join(" "),
            commit: source::commit(),
            date: source::today(),
        }
    }

    pub(crate) fn line(&self) -> String {
        let Self {
            processor,
            processors,
            load,
            qemu,
            accelerator,
            ..
        } = self;
        format!("QEMU {qemu} ({accelerator}) on {processors} x {processor}, load {load}")
    }
}

/// Load average of the last minute.
pub(crate) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_string()
}
