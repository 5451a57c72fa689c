//! Writes recordings, in blocks of entries.

use std::io::{self, Write};

use crate::block;
use crate::entry::Entry;

/// A block is written when it has this many bytes, uncompressed.
const BLOCK_BYTES: usize = 256 << 10;

/// Writes a recording.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    buffer: Vec<u8>,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Starts a recording.
    ///
    /// # Errors
    /// The output's errors.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(block::MAGIC)?;
        Ok(Self { out, buffer: Vec::with_capacity(BLOCK_BYTES), written: block::MAGIC.len() as u64 })
    }

    /// Appends an entry. It is written with its block, at the latest by [`Writer::flush`].
    ///
    /// # Errors
    /// The output's errors.
    pub fn push(&mut self, entry: &Entry) -> io::Result<()> {
        entry.write(&mut self.buffer)?;
        if self.buffer.len() >= BLOCK_BYTES {
            self.end_block()?;
        }
        Ok(())
    }

    /// Writes everything out.
    ///
    /// # Errors
    /// The output's errors.
    pub fn flush(&mut self) -> io::Result<()> {
        self.end_block()?;
        self.out.flush()
    }

    /// The number of bytes that were written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The output. Call [`Writer::flush`] before.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn end_block(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.written += block::write(&mut self.out, &self.buffer)? as u64;
            self.buffer.clear();
        }
        Ok(())
    }
}
