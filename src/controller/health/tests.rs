//! What slow and many clients can do to the pages, on loopback.

use futures::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use super::*;

/// Long enough for a slow machine; nothing that is right takes as long.
const PATIENCE: Duration = Duration::from_secs(30);

async fn start(limits: Limits) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, known) = watch::channel(BTreeSet::new());
    let health =
        Health { metrics: Arc::new(Metrics::new()), cache: Arc::new(Cache::new()), wanted: BTreeSet::new(), known };
    tokio::spawn(serve(listener, health, limits));
    address
}

/// Opens a connection and sends the beginning of a request.
async fn half(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: siskin\r\nX-Slow: ").await.unwrap();
    stream
}

/// Everything that comes until the server closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is cut may end in a reset.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server closes the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn probe(address: std::net::SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: siskin\r\nConnection: close\r\n\r\n").await.unwrap();
    rest(stream).await
}

#[tokio::test]
async fn a_request_that_is_half_sent_is_closed_after_a_time() {
    let limits = Limits { head: Duration::from_millis(100), ..Limits::default() };
    let address = start(limits).await;
    assert!(!rest(half(address).await).await.contains("200 OK"));
}

#[tokio::test]
async fn a_connection_that_is_idle_is_closed_after_a_time() {
    let limits = Limits { head: Duration::from_millis(100), ..Limits::default() };
    let address = start(limits).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: siskin\r\n\r\n").await.unwrap();
    let answer = rest(stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_is_kept_busy_ends_too() {
    let limits = Limits { connection: Duration::from_millis(200), ..Limits::default() };
    let address = start(limits).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let started = Instant::now();
    let mut answer = [0; 4096];
    while started.elapsed() < PATIENCE {
        if stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: siskin\r\n\r\n").await.is_err() {
            return;
        }
        if stream.read(&mut answer).await.is_ok_and(|length| length == 0) {
            return;
        }
    }
    panic!("the connection was never closed");
}

#[tokio::test]
async fn many_half_sent_requests_keep_no_probe_out() {
    let limits = Limits { connections: 8, head: 2 * PATIENCE, ..Limits::default() };
    let address = start(limits).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        slow.push(half(address).await);
    }
    assert!(probe(address).await.starts_with("HTTP/1.1 200 OK"));
    // The oldest are closed long before their time is over; as many as may be are left.
    let closed = async |stream: TcpStream| timeout(Duration::from_secs(2), rest(stream)).await.is_ok();
    let closed = join_all(slow.into_iter().map(closed)).await.into_iter().filter(|closed| *closed).count();
    assert_eq!(closed, 200 - 7, "the probe took the place of one");
}
