use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};

use tempfile::TempDir;

use super::*;
use crate::Name;

const BUDGET: u64 = 64 << 20;
const LONG: Duration = Duration::from_secs(60);

fn identity() -> Identity {
    Identity::of(&[b"component", b"grants"])
}

fn open(directory: &TempDir, budget: u64) -> Disk {
    Disk::open(&directory.path().join("cache"), identity(), budget).unwrap()
}

fn path(number: u32) -> PathKey {
    PathKey::ROOT.child(&Name::from_provider(&number.to_string()).unwrap())
}

fn key(number: u32) -> Key {
    Key::at(Kind::File, path(number))
}

/// Returns what is put under a number: of many lengths, and of each number other bytes.
fn payload(number: u32) -> Bytes {
    let byte = number.to_le_bytes();
    byte.repeat(1 + number as usize % 300).into()
}

fn fill(disk: &Disk, numbers: std::ops::Range<u32>) {
    for number in numbers {
        disk.put(key(number), payload(number));
    }
    disk.flush(LONG);
}

/// Returns how many of the numbers are there; what is there is what was put.
async fn count(disk: &Disk, numbers: std::ops::Range<u32>) -> usize {
    let mut found = 0;
    for number in numbers {
        if let Some((_, bytes)) = disk.read(key(number)).await {
            assert_eq!(bytes, payload(number), "{number}");
            found += 1;
        }
    }
    found
}

fn files(directory: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.path().join("cache")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let large = Bytes::from(vec![7; 3 << 20]);
    {
        let disk = open(&directory, BUDGET);
        fill(&disk, 0..10_000);
        disk.put_content(Digest::of(&large), large.clone());
        fill(&disk, 10_000..20_000);
        assert_eq!(count(&disk, 0..20_000).await, 20_000);
    }
    for _ in 0..2 {
        let disk = open(&directory, BUDGET);
        assert_eq!(count(&disk, 0..20_000).await, 20_000);
        let (_, bytes) = disk.read(Key::content(Digest::of(&large))).await.unwrap();
        assert_eq!(bytes, large);
    }
}

#[tokio::test]
async fn the_newest_record_counts_and_what_was_removed_stays_so() {
    let directory = TempDir::new().unwrap();
    {
        let disk = open(&directory, BUDGET);
        disk.put(key(1), Bytes::from_static(b"old"));
        disk.put(key(1), payload(1));
        disk.put(key(2), payload(2));
        // Whether it is written already or not.
        disk.remove(key(2));
        fill(&disk, 3..4);
        disk.remove(key(3));
    }
    let disk = open(&directory, BUDGET);
    assert_eq!(count(&disk, 0..5).await, 1);
}

/// > The cache's files stay within `disk`; what nobody used for the longest time goes first.
#[tokio::test]
async fn it_keeps_its_budget_and_what_is_in_use() {
    let directory = TempDir::new().unwrap();
    let budget = 4 << 20;
    let disk = open(&directory, budget);
    fill(&disk, 0..100);
    for round in 1..40 {
        assert_eq!(count(&disk, 0..100).await, 100, "in use, after {round} rounds");
        fill(&disk, round * 1_000..(round + 1) * 1_000);
    }
    let used: u64 = files(&directory).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(used <= budget + (1 << 20), "{used} bytes");
    assert!(disk.statistics().bytes <= budget, "{:?}", disk.statistics());
    assert_eq!(count(&disk, 2_000..3_000).await, 0, "the oldest that nobody used go first");
    assert_eq!(count(&disk, 39_000..40_000).await, 1_000);
    disk.succeed(identity(), 1 << 20);
    fill(&disk, 0..1);
    assert!(disk.statistics().bytes <= 1 << 20, "{:?}", disk.statistics());
}

#[tokio::test]
async fn records_are_within_the_memory_that_the_budget_pays_for() {
    let directory = TempDir::new().unwrap();
    let disk = open(&directory, 1 << 20);
    for number in 0..3_000 {
        disk.put(key(number), Bytes::from_static(b"x"));
    }
    disk.flush(LONG);
    let records = disk.statistics().records;
    assert!((512..=1_024).contains(&records), "{records}");
}

#[tokio::test]
async fn an_end_at_any_byte_loses_what_is_not_whole_and_no_more() {
    let directory = TempDir::new().unwrap();
    fill(&open(&directory, BUDGET), 0..50);
    let segment = files(&directory).into_iter().find(|f| f.extension().is_some()).unwrap();
    let whole = fs::read(&segment).unwrap();
    let mut last = 0;
    for length in (0..=whole.len()).step_by(61) {
        fs::write(&segment, &whole[..length]).unwrap();
        let disk = open(&directory, BUDGET);
        let found = count(&disk, 0..50).await;
        assert!((last..=last + 1).contains(&found), "{found} at {length}");
        last = found;
        // What comes next is kept as well.
        fill(&disk, 60..61);
        drop(disk);
        assert_eq!(count(&open(&directory, BUDGET), 60..61).await, 1, "{length}");
        for file in files(&directory).iter().filter(|file| **file != segment) {
            fs::remove_file(file).unwrap();
        }
    }
    assert!(last >= 49);
}

#[tokio::test]
async fn flipped_bits_give_nothing_and_never_something_else() {
    let directory = TempDir::new().unwrap();
    let budget = 16 << 20;
    fill(&open(&directory, budget), 0..5_000);
    let files = files(&directory);
    assert!(files.len() > 10, "several segments with their indexes");
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    for _ in 0..1_000 {
        let file = &files[usize::try_from(next(files.len() as u64)).unwrap()];
        let length = file.metadata().unwrap().len();
        if length > 0 {
            let file = fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
            let (at, mut byte) = (next(length), [0]);
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << next(8)], at).unwrap();
        }
    }
    let disk = open(&directory, budget);
    let found = count(&disk, 0..5_000).await;
    assert!((3_500..5_000).contains(&found), "{found}: some of it was hit, most was not");
    fill(&disk, 0..5_000);
    assert_eq!(count(&disk, 0..5_000).await, 5_000, "and is put again");
}

#[tokio::test]
async fn a_damaged_header_costs_its_record_and_no_other() {
    let directory = TempDir::new().unwrap();
    fill(&open(&directory, BUDGET), 0..1_000);
    let segment = files(&directory).into_iter().find(|f| f.extension().is_some()).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    // The first record's, and one in the middle, wherever that is.
    for place in [70, bytes.len() / 2] {
        bytes[place] ^= 1;
    }
    fs::write(&segment, bytes).unwrap();
    let found = count(&open(&directory, BUDGET), 0..1_000).await;
    assert_eq!(found, 998);
}

#[tokio::test]
async fn a_file_that_is_larger_than_what_may_wait_is_kept() {
    let directory = TempDir::new().unwrap();
    let large = Bytes::from(vec![3; 20 << 20]);
    {
        let disk = open(&directory, 1 << 30);
        disk.put_content(Digest::of(&large), large.clone());
    }
    // Beside it nothing else could wait, unless the writer was faster.
    fill(&open(&directory, 1 << 30), 0..10);
    let disk = open(&directory, 1 << 30);
    let (_, bytes) = disk.read(Key::content(Digest::of(&large))).await.unwrap();
    assert_eq!((bytes, count(&disk, 0..10).await), (large, 10));
}

#[tokio::test]
async fn nobody_gets_what_another_put_in() {
    let directory = TempDir::new().unwrap();
    let disk = open(&directory, BUDGET);
    fill(&disk, 0..100);
    let other = disk.succeed(Identity::of(&[b"other"]), BUDGET);
    assert_eq!(count(&other, 0..100).await, 0);
    // An answer that was under way when the other one took over.
    fill(&disk, 0..100);
    assert_eq!(count(&other, 0..100).await + count(&disk, 0..100).await, 0);
    fill(&other, 0..10);
    assert_eq!(count(&other, 0..100).await, 10);
    drop((disk, other));
    let again = open(&directory, BUDGET);
    assert_eq!(count(&again, 0..100).await, 0, "the first one's turn is over");
    assert_eq!(again.statistics().bytes, 0);
}

#[tokio::test]
async fn the_same_one_again_goes_on_with_what_is_there() {
    let directory = TempDir::new().unwrap();
    let disk = open(&directory, BUDGET);
    fill(&disk, 0..100);
    assert_eq!(count(&disk.succeed(identity(), BUDGET), 0..100).await, 100);
    disk.clear();
    assert_eq!(count(&disk, 0..100).await, 0);
    fill(&disk, 0..10);
    assert_eq!(count(&disk, 0..100).await, 10);
}

#[tokio::test]
async fn what_is_not_believed_is_not_after_a_restart_and_an_eviction_either() {
    let directory = TempDir::new().unwrap();
    let budget = 1 << 20;
    let believed = |disk: &Disk, (sequence, _): &(u64, Bytes), at| {
        disk.believes(*sequence, || vec![PathKey::ROOT, path(at)])
    };
    let before = {
        let disk = open(&directory, budget);
        fill(&disk, 0..2);
        let before = disk.read(key(0)).await.unwrap();
        disk.expire(path(0));
        assert!(!believed(&disk, &before, 0));
        assert!(believed(&disk, &disk.read(key(1)).await.unwrap(), 1));
        fill(&disk, 0..1);
        assert!(believed(&disk, &disk.read(key(0)).await.unwrap(), 0));
        fill(&disk, 10..5_000);
        before
    };
    let disk = open(&directory, budget);
    assert!(!believed(&disk, &before, 0));
    for number in 0..=u32::try_from(store::EXPIRED_MAX).unwrap() {
        disk.expire(path(number));
    }
    assert!(!believed(&disk, &before, 77), "too many to remember: nothing is believed");
}

#[tokio::test]
async fn one_process_at_a_time_and_for_its_owner_only() {
    let directory = TempDir::new().unwrap();
    let disk = open(&directory, BUDGET);
    fill(&disk, 0..10);
    let second = Disk::open(&directory.path().join("cache"), identity(), BUDGET);
    assert!(matches!(second, Err(DiskError::InUse { .. })), "{second:?}");
    for file in files(&directory) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    let cache = directory.path().join("cache");
    assert_eq!(cache.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    drop(disk);
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    let _disk = open(&directory, BUDGET);
    assert_eq!(cache.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn what_does_not_belong_there_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let cache = directory.path().join("cache");
    fs::create_dir(&cache).unwrap();
    fs::write(directory.path().join("precious"), "bytes").unwrap();
    fs::write(cache.join("notes.txt"), "mine").unwrap();
    std::os::unix::fs::symlink("../precious", cache.join("00000000.seg")).unwrap();
    fs::write(cache.join("00000001.seg"), "not a segment").unwrap();
    let disk = open(&directory, BUDGET);
    fill(&disk, 0..10);
    assert_eq!(count(&disk, 0..10).await, 10);
    disk.clear();
    disk.flush(LONG);
    assert_eq!(fs::read(directory.path().join("precious")).unwrap(), b"bytes");
    assert_eq!(fs::read(cache.join("notes.txt")).unwrap(), b"mine");
}
