//! A small web server: files of a folder, whole or in ranges, as iPXE asks for the blocks of a disk.
//!
//! Source: RFC 9110 §8.6, §14 (Content-Length, range requests), RFC 9112.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

/// Serves a folder on the loopback address, on a port of the system's choice, until the process
/// ends; gives the port.
///
/// # Panics
/// If no port can be had.
#[must_use]
pub fn serve(folder: &Path) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it is bound").port();
    let folder = folder.to_path_buf();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            // A client that breaks off is its own affair.
            std::thread::spawn(move || drop(converse(stream, &folder)));
        }
    });
    port
}

/// What a client asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    is_head: bool,
    path: PathBuf,
    /// First and last byte; to the end without the latter.
    range: Option<(u64, Option<u64>)>,
    closes: bool,
}

impl Request {
    /// Reads the lines up to the empty one. `None` if they are none that is understood.
    fn read(lines: &mut impl Iterator<Item = String>) -> Option<Self> {
        let first = lines.next()?;
        let mut words = first.split(' ');
        let is_head = match words.next()? {
            "GET" => false,
            "HEAD" => true,
            _ => return None,
        };
        let name = words.next()?.trim_start_matches('/');
        // Files of one folder only.
        if name.is_empty() || name.contains("..") || name.contains('/') {
            return None;
        }
        let mut request = Self {
            is_head,
            path: name.into(),
            ..Self::default()
        };
        for line in lines.take_while(|line| !line.is_empty()) {
            let (field, value) = line.split_once(':')?;
            let value = value.trim();
            match field.to_ascii_lowercase().as_str() {
                "range" => {
                    let (start, end) = value.strip_prefix("bytes=")?.split_once('-')?;
                    request.range = Some((start.parse().ok()?, end.parse().ok()));
                }
                "connection" => request.closes = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        Some(request)
    }
}

fn converse(stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut output = stream.try_clone()?;
    let input = BufReader::new(stream);
    let mut lines = input.lines().map_while(Result::ok);
    loop {
        let Some(request) = Request::read(&mut lines) else {
            return Ok(());
        };
        answer(&mut output, folder, &request)?;
        if request.closes {
            return Ok(());
        }
    }
}

fn answer(output: &mut TcpStream, folder: &Path, request: &Request) -> std::io::Result<()> {
    let Ok(mut file) = File::open(folder.join(&request.path)) else {
        return output.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let size = file.metadata()?.len();
    let (start, end) = match request.range {
        Some((start, end)) => (start, end.map_or(size, |last| size.min(last + 1))),
        None => (0, size),
    };
    if start >= end {
        let head = format!(
            "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{size}\r\nContent-Length: 0\r\n\r\n"
        );
        return output.write_all(head.as_bytes());
    }
    let (status, range) = match request.range {
        Some(_) => (
            "206 Partial Content",
            format!("Content-Range: bytes {start}-{}/{size}\r\n", end - 1),
        ),
        None => ("200 OK", String::new()),
    };
    let length = end - start;
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nAccept-Ranges: bytes\r\n{range}\r\n"
    );
    output.write_all(head.as_bytes())?;
    if !request.is_head {
        file.seek(SeekFrom::Start(start))?;
        std::io::copy(&mut file.take(length), output)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers");
        text
    }

    #[test]
    fn files_and_ranges() {
        let folder = std::env::temp_dir().join(format!("bulkhead-http-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        std::fs::write(folder.join("digits"), "0123456789").expect("a file can be written");
        let port = serve(&folder);
        let table = [
            ("GET /digits", "", "200 OK", "\r\n\r\n0123456789"),
            ("GET /digits", "Range: bytes=2-4\r\n", "206", "\r\n\r\n234"),
            (
                "GET /digits",
                "range: bytes=7-\r\n",
                "bytes 7-9/10",
                "\r\n\r\n789",
            ),
            (
                "GET /digits",
                "Range: bytes=8-99\r\n",
                "bytes 8-9/10",
                "\r\n\r\n89",
            ),
            ("GET /digits", "Range: bytes=10-11\r\n", "416", "\r\n\r\n"),
            ("HEAD /digits", "", "Content-Length: 10", "\r\n\r\n"),
            ("GET /none", "", "404", "\r\n\r\n"),
        ];
        for (what, field, wanted, end) in table {
            let request = format!("{what} HTTP/1.1\r\nHost: a\r\n{field}Connection: close\r\n\r\n");
            let text = ask(port, &request);
            assert!(
                text.contains(wanted) && text.ends_with(end),
                "{request}{text}"
            );
        }
        // Nothing outside of the folder, and two requests on one connection.
        assert_eq!(ask(port, "GET /../digits HTTP/1.1\r\n\r\n"), "");
        let text = ask(
            port,
            "GET /digits HTTP/1.1\r\n\r\nGET /digits HTTP/1.1\r\nConnection: close\r\n\r\n",
        );
        assert_eq!(text.matches("0123456789").count(), 2, "{text}");
        std::fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
