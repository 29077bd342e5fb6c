//! Streams of `iperf3` between a guest and this host.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use bulkhead_tests::qemu::Running;

use super::answer::{Answer, answers, megabits};
use super::machines::COM;

/// Beyond a stream's own time.
const PATIENCE: Duration = Duration::from_secs(90);
/// So often.
const TRIES: usize = 3;
/// A server that nobody came to ends after so many seconds, whatever becomes of this program.
const LIFE: &str = "180";

/// A server on this host, for one stream.
struct Server {
    child: Child,
    port: u16,
    /// Held, so that the server can say what it has to say.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it; it listens when this comes back.
    fn start() -> Self {
        // Free when the server takes it, unless another program is quicker, which it would say.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.expect("a port is free").port();
        let mut child = Command::new("timeout")
            .args([LIFE, "iperf3", "--server", "--one-off", "--forceflush"])
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("iperf3 is installed (tools/setup)");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        while !line.contains("listening") {
            line.clear();
            let count = output.read_line(&mut line).expect("it can be read");
            assert!(count > 0, "iperf3 does not listen on port {port}");
        }
        Self {
            child,
            port,
            _output: output,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Most often it has ended by itself. `timeout` passes on what it is ended by.
        let process = self.child.id().to_string();
        let _ = Command::new("kill")
            .arg(process)
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }
}

/// Starts the card of a bus.
pub(crate) fn set_up(machine: &mut Running, bus: u8) {
    // The last word of "WORK virtio0".
    let line = format!(
        "n=$(work card {bus:02x}); n=${{n##* }}; ip addr add 10.0.{bus}.15/24 dev $n; ip link set $n up && echo UP"
    );
    machine.linux_expect(COM, &line, "UP");
}

/// Mbit/s of a stream, the card's interrupts in a second of it, and how many cores were busy. One that broke off is
/// tried again: the host's end has a clock of its own, by which a machine in virtual time is late.
pub(crate) fn stream(machine: &mut Running, bus: u8, to_host: bool, seconds: usize) -> Answer {
    let mut outputs = String::new();
    for _ in 0..TRIES {
        match try_stream(machine, bus, to_host, seconds) {
            Ok(answer) => return answer,
            Err(output) => outputs += &output,
        }
    }
    machine.fail(&format!("no rate:\n{outputs}"))
}

/// What was printed, if that is no answer.
fn try_stream(
    machine: &mut Running,
    bus: u8,
    to_host: bool,
    seconds: usize,
) -> Result<Answer, String> {
    let server = Server::start();
    let reverse = if to_host { "" } else { "-R" };
    let line = format!(
        "work interrupts {bus:02x} iperf3 -c 10.0.{bus}.2 -p {} -t {seconds} -f k {reverse}",
        server.port
    );
    let limit = Duration::from_secs(seconds as u64) + PATIENCE;
    let output = machine.linux_within(COM, &line, limit);
    match (megabits(&output), answers(&output).as_slice()) {
        (Some(rate), [interrupts]) => Ok(Answer {
            value: rate,
            interrupts: Some(interrupts.value),
            busy: interrupts.busy,
        }),
        _ => Err(output),
    }
}
