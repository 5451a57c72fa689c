//! The files of a recording: their names, and which of them are kept.
//!
//! The first file has the given name, all later ones have a number appended. A process continues with the number after
//! the last one, so that the recording of a leader that crashed is kept.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use berth_journal::part_of;

/// Files are kept up to this many times the limit in size, the newest one included.
const PARTS: u64 = 4;
/// The number of files that are kept.
const FILES: usize = 64;

/// The files of one recording.
#[derive(Debug)]
pub(super) struct Files {
    first: PathBuf,
    limit_bytes: u64,
}

/// An existing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Earlier {
    part: u64,
    bytes: u64,
}

impl Files {
    pub(super) fn new(first: PathBuf, limit_bytes: u64) -> Self {
        Self { first, limit_bytes }
    }

    /// The size in bytes at which the next file begins.
    pub(super) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// The number of the next file.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(super) fn next_part(&self) -> io::Result<u64> {
        Ok(self.earlier()?.last().map_or(1, |last| last.part + 1))
    }

    /// The name of a file by its number.
    pub(super) fn path(&self, part: u64) -> PathBuf {
        part_of(&self.first, part)
    }

    /// Creates a file, and removes old ones to make room.
    ///
    /// # Errors
    /// If it cannot be created, or an old one cannot be removed.
    pub(super) fn make(&self, part: u64) -> io::Result<File> {
        let file = File::create(self.path(part))?;
        let mut earlier = self.earlier()?;
        earlier.retain(|file| file.part != part);
        for file in surplus(&earlier, self.limit_bytes) {
            match fs::remove_file(self.path(file.part)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(file)
    }

    /// The files that are not empty, the oldest one first. Only regular files count, so not `/dev/null`.
    fn earlier(&self) -> io::Result<Vec<Earlier>> {
        let folder = self.first.parent().filter(|path| !path.as_os_str().is_empty());
        let mut found = Vec::new();
        for entry in fs::read_dir(folder.unwrap_or(Path::new(".")))? {
            let entry = entry?;
            let Some(part) = self.part_of(&entry.file_name()) else { continue };
            let Ok(about) = entry.metadata() else { continue }; // removed in the meantime
            if about.is_file() && about.len() > 0 {
                found.push(Earlier { part, bytes: about.len() });
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The number of a file by its name; `None` if it is not of this recording.
    fn part_of(&self, name: &std::ffi::OsStr) -> Option<u64> {
        let first = self.first.file_name()?;
        let rest = name.as_encoded_bytes().strip_prefix(first.as_encoded_bytes())?;
        if rest.is_empty() {
            return Some(1);
        }
        let digits = str::from_utf8(rest.strip_prefix(b".")?).ok()?;
        digits.parse().ok().filter(|part: &u64| *part > 1 && part.to_string() == digits)
    }
}

/// The oldest files that must go so that a new one has room.
fn surplus(earlier: &[Earlier], limit_bytes: u64) -> &[Earlier] {
    let mut room = limit_bytes.saturating_mul(PARTS - 1);
    let is_kept = |file: &&Earlier| {
        // A full file is slightly larger than the limit.
        let bytes = file.bytes.min(limit_bytes);
        let has_room = bytes <= room;
        room = room.saturating_sub(bytes);
        has_room
    };
    let kept = earlier.iter().rev().take(FILES - 1).take_while(is_kept).count();
    &earlier[..earlier.len() - kept]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_files_are_kept() {
        let full = 130;
        let cases = [
            (vec![], 0),
            (vec![full; 3], 0),
            (vec![full; 4], 1),
            (vec![full; 5], 2),
            (vec![1; 63], 0),
            (vec![1; 70], 7),
            (vec![full, full, full, 1, 1], 1), // small files take the room of a large one
            (vec![1, full, full, full], 1),
        ];
        for (sizes, expected) in cases {
            let files: Vec<_> = sizes.iter().zip(1..).map(|(&bytes, part)| Earlier { part, bytes }).collect();
            assert_eq!(surplus(&files, 100).len(), expected, "{sizes:?}");
        }
    }

    #[test]
    fn files_have_numbers_by_their_names() {
        let files = Files::new("folder/a.rec".into(), 1);
        let cases = [
            ("a.rec", Some(1)),
            ("a.rec.2", Some(2)),
            ("a.rec.17", Some(17)),
            ("a.rec.1", None),
            ("a.rec.02", None),
            ("a.rec.gz", None),
            ("a.recording", None),
            ("b.rec", None),
        ];
        for (name, part) in cases {
            assert_eq!(files.part_of(name.as_ref()), part, "{name}");
        }
        assert_eq!(files.path(1), Path::new("folder/a.rec"));
        assert_eq!(files.path(17), Path::new("folder/a.rec.17"));
    }
}
