//! Which storage paths share a file system. Lotus does not say; it shows in the space that they have in common.

use std::collections::BTreeMap;

/// Two paths are asked at two moments, between which something may be written.
const MOST_WRITTEN_BETWEEN: i128 = 64 << 20;

/// What is known about a storage path.
pub struct Candidate<'a> {
    pub id: &'a str,
    pub host: &'a str,
    /// Size of its file system, in bytes.
    pub capacity: i128,
    /// What its file system has available, in bytes.
    pub available: i128,
    /// Sector files in it by kind, where they were counted.
    pub files: Option<[u64; 6]>,
}

/// The file system of each path, called after the first path on it. `before` is what was found earlier.
pub fn group<'a>(
    paths: impl Iterator<Item = Candidate<'a>>,
    before: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut firsts: Vec<Candidate> = Vec::new();
    let mut found = BTreeMap::new();
    for path in paths {
        let was_with =
            |first: &Candidate| before.get(path.id).is_some_and(|filesystem| before.get(first.id) == Some(filesystem));
        match firsts.iter().find(|first| path.shares_with(first, was_with(first))) {
            Some(first) => {
                found.insert(path.id.to_owned(), first.id.to_owned());
            }
            None => {
                found.insert(path.id.to_owned(), path.id.to_owned());
                firsts.push(path);
            }
        }
    }
    found
}

impl Candidate<'_> {
    /// Disks of one size on one host that are filled alike have as much available, too, and what is in them looks the same. What was found
    /// to be one file system stays that while much is written to it.
    fn shares_with(&self, other: &Candidate, did_before: bool) -> bool {
        if self.host.is_empty() || self.host != other.host || self.capacity != other.capacity {
            return false;
        }
        let difference = (self.available - other.available).abs();
        if did_before {
            return difference <= self.capacity / 100;
        }
        let is_explained_by_files = self.files == other.files && (!self.is_empty() || self.is_hardly_used());
        difference <= MOST_WRITTEN_BETWEEN.min(self.capacity / 1000) && !is_explained_by_files
    }

    fn is_empty(&self) -> bool {
        self.files.is_none_or(|files| files == [0; 6])
    }

    /// A new file system takes up to a twentieth for itself.
    fn is_hardly_used(&self) -> bool {
        self.capacity - self.available < self.capacity / 10
    }
}
