//! A restart with the upstream gone.

use std::thread::sleep;
use std::time::Duration;

use testkit::run;

use super::{segments, stats};
use crate::http::{Rig, allowing, path};

const HOST: &str = "https://api.example.com";

/// > What was read is kept on disk: after a restart it is served with the freshness that it has
/// > left, and while its upstream is gone it goes on being served, and says that it is stale.
#[test]
fn after_a_restart_without_the_upstream_everything_read_is_there_and_says_it_is_stale() {
    let rig = Rig::new(&allowing("\"api.example.com\""));
    let upstream = rig.upstream("api.example.com");
    rig.start();
    let (list, text) =
        (path("list", &format!("{HOST}/items"), ""), path("text", &format!("{HOST}/json"), ""));
    let line = format!("ls '{list}' && cat '{text}' && stat -c %s '{text}' && cat '{list}'/*");
    let before = rig.shell(&line).expect_code(0).stdout;
    drop(upstream);
    let mut restart = rig.sandbox.command("omnifs");
    let _restarted = run(restart.arg("restart").env("KEY", crate::http::VALUE)).expect_code(0);
    // Past the freshness of everything.
    sleep(Duration::from_millis(500));
    assert_eq!(rig.shell(&line).expect_code(0).stdout, before);
    for place in [&list, &text] {
        let stale = rig.shell(&format!(
            "getfattr --absolute-names --only-values -n user.omnifs.stale '{place}'"
        ));
        assert_eq!(stale.expect_code(0).stdout, "1", "{place}");
    }
    let never = path("text", &format!("{HOST}/json?never"), "");
    assert_eq!(rig.shell(&format!("cat '{never}'")).code(), 1, "what was never read fails");
    let cache = rig.sandbox.home().join(".cache/omnifs/f");
    assert!(!segments(&cache).is_empty());
    assert_eq!(stats(&rig.sandbox)["disk"]["counts"]["damaged"], 0);
}
