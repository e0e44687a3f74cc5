//! A static member's leave of its group.
//!
//! librdkafka's static members never leave: their place is kept for the session timeout, since they may be restarting. Who stops
//! for good, or moves its work on purpose, says so itself: two requests of Kafka's protocol, which librdkafka has no call for.
//! Where that fails, the group waits for the session timeout, as after a crash.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// How long any one step may take.
const TIMEOUT: Duration = Duration::from_secs(1);
/// More than any answer here has.
const ANSWER_BYTES_MAX: usize = 64 << 10;

const LEAVE_GROUP: (i16, i16) = (13, 3);
const FIND_COORDINATOR: (i16, i16) = (10, 1);

/// Has the group know that the member of this name is gone.
///
/// # Errors
/// No broker answers in time, or it refuses.
pub(super) fn leave(bootstrap: &str, group: &str, instance: &str) -> io::Result<()> {
    let coordinator = first_answer(bootstrap.split(','), |broker| find_coordinator(broker.trim(), group))?;
    let mut body = BytesMut::new();
    put_text(&mut body, group);
    body.put_i32(1);
    // Whatever its member id is.
    put_text(&mut body, "");
    put_text(&mut body, instance);
    let mut answer = ask(&coordinator, LEAVE_GROUP, &body)?;
    let _throttle_ms = get(answer.try_get_i32())?;
    refused(get(answer.try_get_i16())?)?;
    for _ in 0..get(answer.try_get_i32())? {
        let (_member, _instance) = (take_text(&mut answer)?, take_text(&mut answer)?);
        refused(get(answer.try_get_i16())?)?;
    }
    Ok(())
}

fn find_coordinator(broker: &str, group: &str) -> io::Result<String> {
    let mut body = BytesMut::new();
    put_text(&mut body, group);
    body.put_i8(0);
    let mut answer = ask(broker, FIND_COORDINATOR, &body)?;
    let _throttle_ms = get(answer.try_get_i32())?;
    refused(get(answer.try_get_i16())?)?;
    let _message = take_text(&mut answer)?;
    let _node = get(answer.try_get_i32())?;
    let host = take_text(&mut answer)?.unwrap_or_default();
    Ok(format!("{host}:{}", get(answer.try_get_i32())?))
}

/// What the first answers that does.
fn first_answer<P, T>(places: impl Iterator<Item = P>, mut ask: impl FnMut(P) -> io::Result<T>) -> io::Result<T> {
    let mut failure = io::Error::other("there is nobody to ask");
    for place in places {
        match ask(place) {
            Ok(answer) => return Ok(answer),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// One request on a connection of its own; its answer, behind the header.
fn ask(broker: &str, (api, version): (i16, i16), body: &[u8]) -> io::Result<Bytes> {
    let addresses = broker.to_socket_addrs()?;
    let mut connection = first_answer(addresses, |address| TcpStream::connect_timeout(&address, TIMEOUT))?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    let mut header = BytesMut::new();
    header.put_i16(api);
    header.put_i16(version);
    header.put_i32(0);
    put_text(&mut header, "gavel");
    let length = i32::try_from(header.len() + body.len()).map_err(io::Error::other)?;
    connection.write_all(&[&length.to_be_bytes(), &header[..], body].concat())?;
    let mut length = [0; 4];
    connection.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).map_err(io::Error::other)?;
    if length > ANSWER_BYTES_MAX {
        return Err(malformed());
    }
    let mut answer = vec![0; length];
    connection.read_exact(&mut answer)?;
    let mut answer = Bytes::from(answer);
    let _correlation = get(answer.try_get_i32())?;
    Ok(answer)
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.put_i16(i16::try_from(text.len()).unwrap_or(i16::MAX));
    out.put_slice(text.as_bytes());
}

/// A text, or `None` where its length says so.
fn take_text(answer: &mut Bytes) -> io::Result<Option<String>> {
    let Ok(length) = usize::try_from(get(answer.try_get_i16())?) else { return Ok(None) };
    if answer.len() < length {
        return Err(malformed());
    }
    Ok(Some(String::from_utf8_lossy(&answer.split_to(length)).into_owned()))
}

fn get<T>(read: Result<T, bytes::TryGetError>) -> io::Result<T> {
    read.map_err(|_| malformed())
}

fn refused(code: i16) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::other(format!("the broker refuses with code {code}"))) }
}

fn malformed() -> io::Error {
    io::Error::other("the broker's answer is not one")
}
