//! Where bodies that stay with the host lie: short ones in memory, as far as there is room, and all
//! others in files without a name.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use omnifs_vfs::read_back;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The longest body that memory is taken for: the longest part that a file in parts is asked for in.
const SHORT: u32 = 4 << 20;

/// How much memory the bodies of one provider may take: the parts that are read and the next two of
/// each, of two who read in turn. Who finds no room has a file.
const MEMORY: usize = 24 << 20;

/// The room that one provider has for bodies.
#[derive(Debug)]
pub(crate) struct Room {
    /// For files; the machine's temporary one when it is none.
    directory: Option<PathBuf>,
    /// Bytes of memory that are free.
    memory: Arc<Semaphore>,
}

impl Room {
    /// Returns room in memory, and in a directory.
    pub(crate) fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, memory: Arc::new(Semaphore::new(MEMORY)) }
    }

    /// Makes a place for a body that says how long it is, or does not.
    ///
    /// # Errors
    /// As no file can be made.
    pub(super) fn place(&self, declared: Option<u64>) -> io::Result<Place> {
        let short =
            declared.and_then(|size| u32::try_from(size).ok()).filter(|size| *size <= SHORT);
        let taken =
            short.and_then(|size| Arc::clone(&self.memory).try_acquire_many_owned(size).ok());
        Ok(match taken {
            Some(room) => Place::Memory(Arc::new(Held::new(room))),
            None => Place::File(Arc::new(self.file()?)),
        })
    }

    fn file(&self) -> io::Result<File> {
        let Some(directory) = &self.directory else { return tempfile::tempfile() };
        tempfile::tempfile_in(directory).or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            // Caches are removed by their users.
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            tempfile::tempfile_in(directory)
        })
    }
}

/// Where one body lies.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Memory(Arc<Held>),
    File(Arc<File>),
}

/// A body in memory.
#[derive(Debug)]
pub(super) struct Held {
    /// Held to copy bytes.
    bytes: Mutex<Coming>,
    /// As many bytes as were declared, given back with the memory.
    room: OwnedSemaphorePermit,
}

#[derive(Debug)]
enum Coming {
    Some(BytesMut),
    All(Bytes),
}

impl Held {
    fn new(room: OwnedSemaphorePermit) -> Self {
        let all = BytesMut::with_capacity(room.num_permits());
        Self { bytes: Mutex::new(Coming::Some(all)), room }
    }

    fn append(&self, piece: &[u8]) -> io::Result<()> {
        match &mut *self.bytes.lock() {
            Coming::Some(bytes) if bytes.len() + piece.len() <= bytes.capacity() => {
                bytes.extend_from_slice(piece);
                Ok(())
            }
            // Room was made for what was declared.
            Coming::Some(_) | Coming::All(_) => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }

    fn complete(&self) {
        let mut bytes = self.bytes.lock();
        if let Coming::Some(all) = &mut *bytes {
            *bytes = Coming::All(std::mem::take(all).freeze());
        }
    }

    fn read(&self, offset: u64, length: u64) -> Option<Bytes> {
        let from = usize::try_from(offset).ok()?;
        let to = from.checked_add(usize::try_from(length).ok()?)?;
        match &*self.bytes.lock() {
            Coming::All(all) => (to <= all.len()).then(|| all.slice(from..to)),
            Coming::Some(some) => some.get(from..to).map(Bytes::copy_from_slice),
        }
    }
}

impl Place {
    /// Puts bytes behind the `at` that are there.
    ///
    /// # Errors
    /// As the file has it, or more than was declared.
    pub(super) fn append(&self, piece: &[u8], at: u64) -> io::Result<()> {
        match self {
            Self::Memory(held) => held.append(piece),
            // Into the page cache: not long enough to be worth another thread.
            Self::File(file) => file.write_all_at(piece, at),
        }
    }

    /// Says that nothing more comes.
    pub(super) fn complete(&self) {
        match self {
            Self::Memory(held) => held.complete(),
            Self::File(_) => {}
        }
    }

    /// Returns so many bytes, which are there.
    ///
    /// # Errors
    /// As the file has it, or less is there.
    pub(super) fn read(&self, offset: u64, length: u64) -> io::Result<Bytes> {
        match self {
            Self::Memory(held) => {
                held.read(offset, length).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            Self::File(file) => read_back(file, offset, length).map(Bytes::from),
        }
    }

    /// Returns how many bytes of memory it takes.
    pub(super) fn memory(&self) -> u64 {
        match self {
            Self::Memory(held) => held.room.num_permits() as u64,
            Self::File(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in_memory(place: &Place) -> bool {
        matches!(place, Place::Memory(_))
    }

    #[test]
    fn short_bodies_lie_in_memory_while_there_is_room_and_all_others_in_files() {
        let directory = tempfile::tempdir().unwrap();
        // It is made where it is missing.
        let room = Room::new(Some(directory.path().join("cache")));
        assert!(!is_in_memory(&room.place(None).unwrap()), "nobody knows how long it is");
        assert!(!is_in_memory(&room.place(Some(u64::from(SHORT) + 1)).unwrap()));
        let full: Vec<_> = (0..6).map(|_| room.place(Some(SHORT.into())).unwrap()).collect();
        assert!(full.iter().all(is_in_memory));
        assert_eq!(full.iter().map(Place::memory).sum::<u64>(), MEMORY as u64);
        assert!(!is_in_memory(&room.place(Some(1)).unwrap()), "there is no room");
        drop(full);
        assert!(is_in_memory(&room.place(Some(SHORT.into())).unwrap()), "there is room again");
        assert!(is_in_memory(&room.place(Some(0)).unwrap()));
    }

    #[test]
    fn both_give_what_they_were_given() {
        let room = Room::new(None);
        for place in [room.place(Some(6)).unwrap(), room.place(None).unwrap()] {
            place.append(b"abc", 0).unwrap();
            assert_eq!(place.read(1, 2).unwrap(), "bc");
            assert!(place.read(1, 3).is_err(), "not there yet");
            place.append(b"def", 3).unwrap();
            place.complete();
            assert_eq!(place.read(0, 6).unwrap(), "abcdef");
            assert_eq!(place.read(2, 3).unwrap(), "cde");
            assert!(place.read(5, 2).is_err(), "there is no more");
        }
    }

    #[test]
    fn what_is_longer_than_it_said_takes_no_more_memory() {
        let place = Room::new(None).place(Some(4)).unwrap();
        place.append(b"abc", 0).unwrap();
        let error = place.append(&[0; 4096], 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        place.complete();
        assert_eq!(place.read(0, 3).unwrap(), "abc");
        assert!(place.append(b"d", 3).is_err(), "it has ended");
    }
}
