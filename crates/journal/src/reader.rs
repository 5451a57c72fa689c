//! Reads recordings.

use std::collections::VecDeque;
use std::io::{self, Read};

use berth_wire::Decoder;

use crate::block::{self, Block, MAGIC};
use crate::entry::{Entry, Header};

/// Why a recording cannot be read, or cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file is not a recording.
    #[error("this file is not a recording of berth scheduler --record")]
    NoRecording,
    /// The recording has another format.
    #[error(
        "the recording has format {0}, and this version of berth reads only format {own}: replay it with the version that wrote it",
        own = MAGIC[7]
    )]
    Version(u8),
    /// A block has a wrong checksum.
    #[error(
        "block {block} is damaged: its checksum is wrong. The entries before it are valid; the entries after it cannot be read"
    )]
    Damaged {
        /// From 1 on.
        block: usize,
    },
    /// An entry cannot be read although the checksum is right.
    #[error("line {line} of block {block} cannot be read: {problem}")]
    Line {
        /// From 1 on.
        block: usize,
        /// From 1 on, in the block.
        line: usize,
        /// The problem.
        problem: String,
    },
    /// The first entry is not a header.
    #[error("the recording has no header as its first entry")]
    NoHeader,
}

/// Reads a recording.
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
    /// Opens a recording and reads its header.
    ///
    /// # Errors
    /// If the input is not a recording of this format.
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

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the file ended within a block, because its writer was killed. All entries before it were read.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// If the recording is damaged. Nothing after the damage can be read.
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
