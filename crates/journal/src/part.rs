//! The names of a recording's files: the given name, and for later files a number appended to it.

use std::path::{Path, PathBuf};

/// The name of a file by its number, from 1 on.
pub fn part_of(file: &Path, part: u64) -> PathBuf {
    if part == 1 {
        return file.to_owned();
    }
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{part}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_files_have_a_number_appended() {
        let names = [1, 2, 11].map(|part| part_of(Path::new("a/b.rec"), part));
        assert_eq!(names, ["a/b.rec", "a/b.rec.2", "a/b.rec.11"].map(PathBuf::from));
    }
}
