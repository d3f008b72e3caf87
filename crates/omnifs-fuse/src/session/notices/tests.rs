use parking_lot::Mutex;

use super::super::gate::Activity;
use super::*;

const DIR: NodeId = NodeId(3);
const AGREED: Agreed = Agreed { minor: 45, expire_only: true };

/// Plays a kernel that answers every notice of `kind` with `errno`.
fn sent(abilities: Abilities, refused: &[(Sent, Errno)], pushes: usize) -> Vec<Sent> {
    let gate = Gate::new(Box::new(drop));
    let sent = Mutex::new(Vec::new());
    let write = |kind: Sent, _: i32, _: [&[u8]; 2]| {
        sent.lock().push(kind);
        refused.iter().find(|(which, _)| *which == kind).map_or(Ok(()), |(_, errno)| Err(*errno))
    };
    let mut notifier = Notifier { gate: &gate, write, abilities };
    for _ in 0..pushes {
        notifier.change(&version());
    }
    sent.into_inner()
}

fn version() -> Change {
    Change::Version { parent: DIR, name: Name::from_provider("n").unwrap(), old: NodeId(9) }
}

#[test]
fn a_new_version_is_pushed_by_pruning_and_expiring() {
    let abilities = Abilities::new(Notices::Auto, AGREED);
    assert_eq!(sent(abilities, &[], 1), [Sent::Prune, Sent::ExpireEntry]);
}

#[test]
fn a_notice_that_the_kernel_lacks_is_tried_once() {
    let abilities = Abilities::new(Notices::Auto, AGREED);
    assert_eq!(
        sent(abilities, &[(Sent::Prune, Errno::INVAL)], 2),
        [Sent::Prune, Sent::ExpireEntry, Sent::ExpireEntry]
    );
    assert_eq!(
        sent(abilities, &[(Sent::ExpireEntry, Errno::INVAL)], 2),
        [Sent::Prune, Sent::ExpireEntry, Sent::InvalInode, Sent::Prune, Sent::InvalInode]
    );
}

#[test]
fn what_is_not_cached_is_no_reason_to_fall_back() {
    let abilities = Abilities::new(Notices::Auto, AGREED);
    assert_eq!(
        sent(abilities, &[(Sent::Prune, Errno::NOENT), (Sent::ExpireEntry, Errno::NOENT)], 2),
        [Sent::Prune, Sent::ExpireEntry, Sent::Prune, Sent::ExpireEntry]
    );
}

#[test]
fn an_old_kernel_is_never_sent_an_entry_invalidation() {
    let old = Agreed { minor: 34, expire_only: false };
    let auto = Abilities::new(Notices::Auto, old);
    assert_eq!(sent(auto, &[(Sent::Prune, Errno::INVAL)], 1), [Sent::Prune, Sent::InvalInode]);
    let forced = Abilities::new(Notices::FallbacksOnly, AGREED);
    assert_eq!(sent(forced, &[], 1), [Sent::InvalInode]);
}

#[test]
fn a_busy_directory_delays_the_expiry_and_not_the_rest() {
    let due = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&due);
    let gate = Gate::new(Box::new(move |notice| sink.lock().push(notice)));
    let sent = Mutex::new(Vec::new());
    let write = |kind: Sent, _: i32, _: [&[u8]; 2]| {
        sent.lock().push(kind);
        Ok(())
    };
    let mut notifier =
        Notifier { gate: &gate, write, abilities: Abilities::new(Notices::Auto, AGREED) };
    let busy = gate.enter(DIR, Activity::Lookup);
    notifier.change(&version());
    notifier.change(&Change::Listing(DIR));
    assert_eq!(*sent.lock(), [Sent::Prune, Sent::InvalInode]);
    drop(busy);
    let waiting: Vec<Due> = due.lock().drain(..).collect();
    waiting.into_iter().for_each(|due| notifier.due(due));
    assert_eq!(*sent.lock(), [Sent::Prune, Sent::InvalInode, Sent::ExpireEntry]);
}
