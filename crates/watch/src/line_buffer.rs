//! Cuts the body of a watch into lines.

use std::fmt;

use bytes::{Bytes, BytesMut};

/// The longest line in bytes. An API server stores objects of at most a few megabytes.
const MAX_LINE_BYTES: usize = 32 << 20;

/// The part of a body that was received and not read yet.
#[derive(Debug)]
pub struct LineBuffer {
    bytes: BytesMut,
    /// There is no line break before this position.
    searched: usize,
    max_line_bytes: usize,
}

/// The body has a line that is longer than any object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTooLong {
    /// The longest line that is read, in bytes.
    pub max_bytes: usize,
}

impl fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the API server sent a line of more than {} bytes", self.max_bytes)
    }
}

impl std::error::Error for LineTooLong {}

impl Default for LineBuffer {
    fn default() -> Self {
        Self::with_limit(MAX_LINE_BYTES)
    }
}

impl LineBuffer {
    /// An empty buffer for lines of at most this many bytes.
    pub fn with_limit(max_line_bytes: usize) -> Self {
        Self { bytes: BytesMut::new(), searched: 0, max_line_bytes }
    }

    /// Appends a part of the body, which may begin and end anywhere.
    pub fn push(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
    }

    /// Removes the next complete line that is not empty, without its line break. `None`: more of the body is needed.
    ///
    /// # Errors
    /// If a line is too long. The body cannot be read any further then.
    pub fn next_line(&mut self) -> Result<Option<Bytes>, LineTooLong> {
        loop {
            let too_long = LineTooLong { max_bytes: self.max_line_bytes };
            let Some(at) = memchr::memchr(b'\n', &self.bytes[self.searched..]) else {
                self.searched = self.bytes.len();
                return if self.searched > self.max_line_bytes { Err(too_long) } else { Ok(None) };
            };
            let end = self.searched + at;
            if end > self.max_line_bytes {
                return Err(too_long);
            }
            let mut line = self.bytes.split_to(end + 1).freeze();
            line.truncate(end);
            self.searched = 0;
            if !line.is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lines of a body that comes in parts of this size.
    fn lines(body: &[u8], part: usize, limit: usize) -> Result<Vec<Bytes>, LineTooLong> {
        let (mut buffer, mut found) = (LineBuffer::with_limit(limit), Vec::new());
        for part in body.chunks(part) {
            buffer.push(part);
            while let Some(line) = buffer.next_line()? {
                found.push(line);
            }
        }
        Ok(found)
    }

    #[test]
    fn lines_do_not_depend_on_how_a_body_is_cut() {
        let body = b"one\n\ntwo\nthree\nunfinished";
        for part in 1..=body.len() {
            assert_eq!(lines(body, part, 100).unwrap(), ["one", "two", "three"], "parts of {part} bytes");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_an_error_before_it_ends() {
        for part in 1..8 {
            assert_eq!(lines(b"four\n", part, 4).unwrap(), ["four"]);
            assert_eq!(lines(b"fives\n", part, 4), Err(LineTooLong { max_bytes: 4 }));
            assert_eq!(lines(b"endless", part, 4), Err(LineTooLong { max_bytes: 4 }));
        }
    }
}
