//! The frame around entries: magic, then blocks of length, checksum and compressed contents.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// The first bytes of a recording; the last one is the version of the format. Format 1 had fingerprints that depended
/// on the build; format 2 has those of [`Fingerprint`](crate::Fingerprint).
pub(crate) const MAGIC: &[u8; 8] = b"BERTHRC\x02";

/// The first bytes of a recording of any version.
pub const RECORDING: &[u8; 7] = b"BERTHRC";

/// The largest block, compressed. A greater length is a sign of damage.
const MAX_BYTES: u32 = 1 << 28;

/// The result of reading a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// The contents.
    Whole(Vec<u8>),
    /// The file ends here.
    End,
    /// The file ends within a block, because its writer was killed.
    Torn,
    /// The checksum or the compression is wrong.
    Broken,
}

/// Writes a block, and gives its size in the file.
///
/// # Errors
/// The writer's errors.
pub(crate) fn write(out: &mut impl Write, contents: &[u8]) -> io::Result<usize> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(contents.len() / 4), Compression::fast());
    encoder.write_all(contents)?;
    let packed = encoder.finish()?;
    let length = u32::try_from(packed.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(packed.len() + 8);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&checksum(&packed).to_le_bytes());
    frame.extend_from_slice(&packed);
    out.write_all(&frame)?;
    Ok(frame.len())
}

/// Reads the next block.
///
/// # Errors
/// The reader's errors.
pub(crate) fn read(input: &mut impl Read) -> io::Result<Block> {
    let mut head = [0; 8];
    match fill(input, &mut head)? {
        0 => return Ok(Block::End),
        8 => {}
        _ => return Ok(Block::Torn),
    }
    let [a, b, c, d, e, f, g, h] = head;
    let (length, expected) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    if length > MAX_BYTES {
        return Ok(Block::Broken);
    }
    let mut packed = Vec::new();
    if input.take(length.into()).read_to_end(&mut packed)? < length as usize {
        return Ok(Block::Torn);
    }
    if checksum(&packed) != expected {
        return Ok(Block::Broken);
    }
    let mut contents = Vec::new();
    Ok(match DeflateDecoder::new(&packed[..]).read_to_end(&mut contents) {
        Ok(_) => Block::Whole(contents),
        Err(_) => Block::Broken,
    })
}

fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// Reads until the buffer is full or the input ends, and gives the number of bytes.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
