//! Reads recordings.

use std::collections::VecDeque;
use std::io::{self, Read};

use berth_wire::Decoder;

use crate::block::{self, Block, MAGIC};
use crate::entry::{Entry, Header};

/// Why a recording cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is no recording.
    #[error("this is no recording of berth scheduler --record")]
    NoRecording,
    /// It is one of another version.
    #[error("the recording has format {0}, and this berth reads format {own}", own = MAGIC[7])]
    Version(u8),
    /// Contents are not those that were written.
    #[error(
        "block {block} is damaged: its checksum is wrong. What comes before it is whole; nothing after it is believed"
    )]
    Damaged {
        /// From 1 on.
        block: usize,
    },
    /// A line cannot be read though its checksum is right.
    #[error("line {line} of block {block} cannot be read: {problem}")]
    Line {
        /// From 1 on.
        block: usize,
        /// From 1 on, in the block.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The first entry is not a header.
    #[error("the recording does not say what it is of: its first entry is missing")]
    NoHeader,
}

/// A recording being read.
pub struct Reader<R> {
    input: R,
    decoder: Decoder,
    header: Header,
    lines: VecDeque<String>,
    block: usize,
    line: usize,
    torn: bool,
}

impl<R: Read> Reader<R> {
    /// Opens a recording and reads what it is of.
    ///
    /// # Errors
    /// Where it is none.
    pub fn new(mut input: R) -> Result<Self, ReadError> {
        let mut magic = [0; 8];
        input.read_exact(&mut magic).map_err(|_| ReadError::NoRecording)?;
        if magic[..7] != MAGIC[..7] {
            return Err(ReadError::NoRecording);
        }
        if magic[7] != MAGIC[7] {
            return Err(ReadError::Version(magic[7]));
        }
        let mut reader = Self {
            input,
            decoder: Decoder::new(),
            header: Header::default(),
            lines: VecDeque::new(),
            block: 0,
            line: 0,
            torn: false,
        };
        match reader.next_entry()? {
            Some(Entry::Header(header)) => reader.header = header,
            _ => return Err(ReadError::NoHeader),
        }
        Ok(reader)
    }

    /// What the recording is of.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the file ended within a block: whoever wrote it was stopped. All entries before that were read.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// Where the recording is damaged; nothing after that can be read.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        while self.lines.is_empty() {
            match block::read(&mut self.input)? {
                Block::End => return Ok(None),
                Block::Torn => {
                    self.torn = true;
                    return Ok(None);
                }
                Block::Broken => return Err(ReadError::Damaged { block: self.block + 1 }),
                Block::Whole(contents) => {
                    (self.block, self.line) = (self.block + 1, 0);
                    let text = String::from_utf8(contents);
                    let text = text.map_err(|_| ReadError::Damaged { block: self.block })?;
                    self.lines.extend(text.lines().map(str::to_owned));
                }
            }
        }
        let Some(line) = self.lines.pop_front() else { return Ok(None) };
        self.line += 1;
        let entry = Entry::read(&line, &mut self.decoder);
        entry.map(Some).map_err(|problem| ReadError::Line { block: self.block, line: self.line, problem })
    }
}
