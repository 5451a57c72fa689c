//! Writes recordings: entry by entry, block by block, file by file.

use std::io::{self, Write};

use crate::block;
use crate::entry::Entry;

/// A block is written once it has so many bytes, uncompressed.
const BLOCK_BYTES: usize = 256 << 10;

/// A recording being written.
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
    /// As the output's.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(block::MAGIC)?;
        Ok(Self { out, buffer: Vec::with_capacity(BLOCK_BYTES), written: block::MAGIC.len() as u64 })
    }

    /// Appends an entry. It is safe after [`Writer::flush`], or once its block is full.
    ///
    /// # Errors
    /// As the output's.
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
    /// As the output's.
    pub fn flush(&mut self) -> io::Result<()> {
        self.end_block()?;
        self.out.flush()
    }

    /// How many bytes were written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The output, with what was written out.
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
