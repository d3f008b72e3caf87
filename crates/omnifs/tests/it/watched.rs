//! A provider that follows its upstream: what that tells is seen at once, and nothing else is asked
//! for again.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use testkit::{Answer, Upstream, guests, wait_until};

use crate::LIMIT;
use crate::http::{READING, Rig};

/// Nothing of these tests gets that old.
const CACHE: &str = "[provider.cache]\nttl = \"1h\"\nstale_while_revalidate = 0\n";

/// A server with items that tells of events, and a mount of it whose watcher has begun.
struct Scene {
    upstream: Upstream,
    rig: Rig,
    component: PathBuf,
}

impl Scene {
    fn new(more: &str) -> Self {
        let scene = Self::stopped(more);
        scene.rig.start();
        scene.await_listener();
        scene
    }

    fn stopped(more: &str) -> Self {
        let rig = Rig::of(guests::WATCHED_PATH, &format!("{READING}{CACHE}{more}"));
        let upstream = rig.upstream("api.example.com");
        let own = rig.sandbox.root().join("watched.wasm");
        let scene = Self { upstream, rig, component: own };
        scene.items(&[1, 2, 3]);
        for id in 1..=3 {
            scene.title(id, &format!("title {id}"));
        }
        scene
    }

    fn items(&self, ids: &[u64]) {
        self.upstream.answer("/items", Answer::json(serde_json::to_vec(ids).unwrap()));
    }

    fn title(&self, id: u64, text: &str) {
        let body = serde_json::to_vec(text).unwrap();
        // For an hour, which the provider knows better: it is told otherwise.
        let answer = Answer::json(body).header("Cache-Control", "max-age=3600");
        self.upstream.answer(&format!("/items/{id}"), answer);
    }

    fn await_listener(&self) {
        assert!(wait_until(LIMIT, || self.upstream.listeners() == 1), "{}", self.log());
    }

    fn shell(&self, line: &str) -> String {
        self.rig.shell(line).expect_code(0).stdout
    }

    /// Returns how often the events were asked for.
    fn streams(&self) -> usize {
        self.upstream.requests().iter().filter(|request| request.target == "/events").count()
    }

    fn read(&self, id: u64) -> String {
        self.shell(&format!("cat items/{id}/title"))
    }

    fn walk(&self) -> String {
        self.shell("ls items; cat items/*/title")
    }

    /// Returns the paths that were asked for since the last look, but for the events.
    fn asked(&self) -> Vec<String> {
        let requests = self.upstream.requests();
        self.upstream.clear();
        let mut asked: Vec<String> = requests.into_iter().map(|request| request.target).collect();
        asked.retain(|target| target != "/events");
        asked.sort();
        asked
    }

    fn status(&self) -> Value {
        let status = self.rig.sandbox.omnifs(["status", "--json"]).stdout;
        serde_json::from_str::<Value>(&status).unwrap()["providers"][0].clone()
    }

    fn watch(&self) -> Value {
        self.status()["watch"].clone()
    }

    fn log(&self) -> String {
        self.rig.sandbox.omnifs(["logs"]).stdout
    }

    fn errors(&self) -> String {
        self.rig.sandbox.omnifs(["errors"]).stdout
    }
}

/// > What the upstream tells a provider is seen at once, however long answers are fresh, and only
/// > what changed is asked for again.
#[test]
fn an_event_is_seen_at_once_and_only_what_changed_is_asked_for_again() {
    let scene = Scene::new("");
    assert_eq!(scene.walk(), "1\n2\n3\ntitle 1\ntitle 2\ntitle 3\n");
    let _all = scene.asked();
    assert_eq!(scene.walk(), "1\n2\n3\ntitle 1\ntitle 2\ntitle 3\n");
    assert_eq!(scene.asked(), Vec::<String>::new(), "all of it is fresh");

    // Who has it open keeps its bytes.
    let open = scene.rig.sandbox.seen(scene.rig.sandbox.root().join("mnt/f/items/2/title"));
    let open = fs::File::open(open).unwrap();
    scene.title(2, "another");
    assert_eq!(scene.read(2), "title 2\n", "nobody told");
    scene.upstream.tell("item 2");
    assert!(wait_until(LIMIT, || scene.read(2) == "another\n"), "{}", scene.log());
    assert_eq!(scene.walk(), "1\n2\n3\ntitle 1\nanother\ntitle 3\n");
    assert_eq!(scene.asked(), ["/items/2"]);
    assert_eq!(std::io::read_to_string(open).unwrap(), "title 2\n");

    // A name that was absent, and one that goes.
    let absent = scene.shell("cat items/4/title 2>&1 || true");
    assert!(absent.contains("No such file"), "{absent}");
    scene.items(&[1, 2, 4]);
    scene.title(4, "title 4");
    let _lookups = scene.asked();
    scene.upstream.tell("items");
    assert!(wait_until(LIMIT, || scene.shell("ls items") == "1\n2\n4\n"), "{}", scene.log());
    assert_eq!(scene.read(4), "title 4\n");
    let gone = scene.shell("cat items/3/title 2>&1 || true");
    assert!(gone.contains("No such file"), "{gone}");
    assert_eq!(scene.walk(), "1\n2\n4\ntitle 1\nanother\ntitle 4\n");
    let asked = scene.asked();
    let titles = asked.iter().filter(|target| *target != "/items");
    assert_eq!(titles.collect::<Vec<_>>(), ["/items/4"], "no title was read again");
    assert_eq!(scene.watch()["state"], "running");
    let wide = scene.rig.sandbox.omnifs(["status", "--wide"]).stdout;
    assert!(wide.contains("WATCH") && wide.contains("running"), "{wide}");
}

/// > A watcher that ends is started again, after a second at first; meanwhile and afterwards the
/// > mount serves as before.
#[test]
fn a_watcher_that_ends_is_started_again_and_the_mount_serves_on() {
    let scene = Scene::new("");
    let before = scene.walk();
    for (round, (line, said)) in [
        ("fail", "told to fail"),
        ("trap", "told to panic"),
        ("end", "watch returned; it is started again in"),
    ]
    .into_iter()
    .enumerate()
    {
        scene.upstream.tell(line);
        assert_eq!(scene.walk(), before, "{line}");
        assert!(wait_until(LIMIT, || scene.watch()["restarts"] == round + 1), "{line}");
        assert!(wait_until(LIMIT, || scene.streams() == round + 2), "{line}");
        scene.await_listener();
        assert!(wait_until(LIMIT, || scene.log().contains(said)), "{}", scene.log());
    }
    let errors = scene.errors();
    assert!(errors.contains("watch") && errors.contains("told to panic"), "{errors}");
    let status = scene.status();
    assert_eq!((&status["state"], &status["traps"]), (&"ready".into(), &0.into()));
    // It hears of what comes then.
    scene.title(1, "new");
    scene.upstream.tell("item 1");
    assert!(wait_until(LIMIT, || scene.read(1) == "new\n"), "{}", scene.log());
}

#[test]
fn what_fails_in_a_watcher_is_named_and_colours_no_other_call() {
    let scene = Scene::stopped("");
    scene.upstream.answer("/events", Answer::new(503, "no"));
    scene.rig.start();
    assert!(wait_until(LIMIT, || scene.errors().contains("503")), "{}", scene.errors());
    assert_eq!(scene.walk(), "1\n2\n3\ntitle 1\ntitle 2\ntitle 3\n");
    let json = scene.rig.sandbox.omnifs(["errors", "--json"]).stdout;
    let errors: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert!(!errors.is_empty() && errors.iter().all(|error| error["op"] == "watch"), "{json}");
    assert!(json.contains("/events") && json.contains("503"), "{json}");
}

/// > A watcher may take as long as it likes, but for the CPU time between two waits.
#[test]
fn a_watcher_that_spins_is_stopped() {
    let scene = Scene::new("[provider.limits]\ncpu = \"300ms\"\n");
    let before = scene.walk();
    scene.upstream.tell("spin");
    assert_eq!(scene.walk(), before, "it takes nobody's turn");
    assert!(wait_until(LIMIT, || scene.errors().contains("limits.cpu")), "{}", scene.errors());
    assert!(wait_until(LIMIT, || scene.watch()["restarts"] == 1), "{}", scene.watch());
    assert!(wait_until(LIMIT, || scene.streams() == 2), "{}", scene.log());
    scene.await_listener();
    scene.title(1, "new");
    scene.upstream.tell("item 1");
    assert!(wait_until(LIMIT, || scene.read(1) == "new\n"), "{}", scene.log());
}

/// > However much is said to be outdated, readers go on and memory does not grow.
#[test]
fn a_flood_of_events_neither_stalls_readers_nor_grows_memory() {
    let scene = Scene::new("");
    let before = scene.walk();
    let pid = scene.rig.sandbox.daemon().unwrap();
    let told = || scene.watch()["outdated"].as_u64().unwrap();
    let flood = |line: &str, count: u64| {
        let sum = told() + count;
        scene.upstream.tell(line);
        let all = wait_until(LIMIT, || {
            assert_eq!(scene.walk(), before);
            told() >= sum
        });
        assert!(all, "{line}: {}", scene.watch());
    };
    flood("again 100000", 100_000);
    flood("flood 100000", 100_000);
    let memory = crate::memory_of(pid, "VmRSS");
    for _ in 0..8 {
        flood("flood 100000", 100_000);
        flood("again 100000", 100_000);
    }
    let grown = crate::memory_of(pid, "VmRSS").saturating_sub(memory);
    assert!(grown < 8 << 10, "{grown} KiB more after a million and a half events");
    scene.upstream.tell("huge");
    assert!(wait_until(LIMIT, || scene.watch()["dropped"] == 1), "{}", scene.watch());
    for nobody in ["id nobody has this", "id ", "id ../..", "id \u{1f980}"] {
        scene.upstream.tell(nobody);
    }
    scene.title(1, "new");
    scene.upstream.tell("item 1");
    assert!(wait_until(LIMIT, || scene.read(1) == "new\n"), "{}", scene.log());
    assert_eq!(scene.watch()["restarts"], 0);
}

/// > A component that is exchanged takes its watcher along: the old one's connection ends, and the
/// > new one has its own.
#[test]
fn an_exchanged_component_takes_its_watcher_along() {
    let scene = Scene::stopped("");
    fs::write(&scene.component, guests::WATCHED).unwrap();
    let old = fs::read_to_string(scene.rig.sandbox.config_file()).unwrap();
    let own = scene.component.display().to_string();
    scene.rig.sandbox.configure(&old.replace(guests::WATCHED_PATH, &own));
    scene.rig.start();
    scene.await_listener();
    assert_eq!(scene.walk(), "1\n2\n3\ntitle 1\ntitle 2\ntitle 3\n");
    for round in 1..=3 {
        let next = scene.component.with_extension("next");
        fs::write(&next, guests::WATCHED).unwrap();
        fs::rename(&next, &scene.component).unwrap();
        let _reloaded = scene.rig.sandbox.omnifs(["reload"]).expect_code(0);
        assert!(wait_until(LIMIT, || scene.streams() == round + 1), "{}", scene.log());
        scene.await_listener();
        assert_eq!(scene.watch()["restarts"], 0, "it is another one");
    }
    scene.title(1, "new");
    scene.upstream.tell("item 1");
    assert!(wait_until(LIMIT, || scene.read(1) == "new\n"), "{}", scene.log());
    let _stopped = scene.rig.sandbox.omnifs(["stop"]).expect_code(0);
    assert!(wait_until(LIMIT, || scene.upstream.listeners() == 0));
}

#[test]
fn after_a_change_of_the_network_it_listens_on_a_new_connection() {
    let scene = Scene::new("");
    assert_eq!(scene.streams(), 1);
    let _changed = scene.rig.sandbox.shell("ip address add 10.99.0.1/32 dev lo").expect_code(0);
    assert!(wait_until(LIMIT, || scene.streams() == 2), "{}", scene.log());
    scene.await_listener();
    assert!(scene.errors().contains("the network has changed"), "{}", scene.errors());
    scene.title(3, "new");
    scene.upstream.tell("item 3");
    assert!(wait_until(LIMIT, || scene.read(3) == "new\n"), "{}", scene.log());
}

#[test]
fn a_watcher_takes_no_request_s_place() {
    let scene = Scene::new("[provider.limits]\nhttp_in_flight = 1\nhttp_per_host = 1\n");
    assert_eq!(scene.walk(), "1\n2\n3\ntitle 1\ntitle 2\ntitle 3\n");
    assert_eq!(scene.upstream.listeners(), 1);
}
