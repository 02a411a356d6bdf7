//! A small HTTP/1.1 server: each connection has a thread of its own, and is kept. In tiny_http's pool, of two connections that come at the same
//! time one may wait until another one ends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// With the query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// A whole reply.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply { status, headers: Vec::new(), body: body.into() }
    }
}

/// Listens on a port of its own until it is dropped, which also ends its connections.
pub struct Server {
    pub port: u16,
    connections: Arc<Connections>,
}

#[derive(Default)]
struct Connections {
    is_stopped: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Server {
    pub fn start(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let connections = Arc::new(Connections::default());
        let server = Server { port, connections: connections.clone() };
        let reply = Arc::new(reply);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if connections.is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(end) = stream.try_clone() else { continue };
                connections.open.lock().unwrap_or_else(PoisonError::into_inner).push(end);
                let reply = reply.clone();
                // Whoever went away, or does not speak HTTP, is left.
                thread::spawn(move || drop(serve(stream, &*reply)));
            }
        });
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.connections.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that listens.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        for connection in self.connections.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// Answers one request after another.
fn serve(stream: TcpStream, reply: &dyn Fn(&Request) -> Reply) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(request) = read_request(&mut reader)? {
        let reply = reply(&request);
        let is_last = request.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let mut head = format!("HTTP/1.1 {} Of The Fake\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
        for (name, value) in &reply.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += if is_last { "Connection: close\r\n\r\n" } else { "\r\n" };
        // All at once: in two writes, the second would wait for the other side's delayed ACK.
        writer.write_all(&[head.as_bytes(), &reply.body].concat())?;
        if is_last {
            return writer.shutdown(Shutdown::Both);
        }
    }
    Ok(())
}

/// The next request; none where the connection ends.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split_whitespace().nth(1).ok_or_else(malformed)?.to_owned();
    let mut request = Request { path, headers: Vec::new(), body: String::new() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
        request.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = request.header("Content-Length").map_or(Ok(0), |length| length.parse().map_err(|_| malformed()))?;
    let read = reader.take(length).read_to_string(&mut request.body)?;
    if read as u64 == length { Ok(Some(request)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
