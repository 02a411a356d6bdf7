//! Servers that do what no Lotus node would. They are plain sockets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A port of this machine at which nobody listens: too low to be assigned to a server that asks for any free port.
pub const CLOSED_PORT: u16 = 1;

/// A server that takes every connection, and counts them.
pub struct Hostile {
    pub port: u16,
    connections: Arc<AtomicUsize>,
}

impl Hostile {
    fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Hostile {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, serve) = (connections.clone(), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let serve = serve.clone();
                thread::spawn(move || serve(stream));
            }
        });
        Hostile { port, connections }
    }

    /// Reads everything and never answers.
    pub fn silent() -> Hostile {
        Hostile::start(|mut stream| {
            let mut heard = [0; 4096];
            while stream.read(&mut heard).is_ok_and(|bytes| bytes > 0) {}
        })
    }

    /// Closes every connection as soon as it has read something.
    pub fn closing() -> Hostile {
        Hostile::start(|mut stream| {
            let _ = stream.read(&mut [0; 4096]);
        })
    }

    /// Answers correctly, one byte a second.
    pub fn slow() -> Hostile {
        Hostile::start(|mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".iter().chain([b' '; 1000].iter()) {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_secs(1));
            }
        })
    }

    /// Answers with an endless stream of bytes, as fast as they are read.
    pub fn endless() -> Hostile {
        Hostile::start(|mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000\r\n\r\n");
            let zeros = vec![b'0'; 1 << 20];
            while stream.write_all(&zeros).is_ok() {}
        })
    }

    /// How many came.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn info(&self) -> String {
        format!("/ip4/127.0.0.1/tcp/{}/http", self.port)
    }
}
