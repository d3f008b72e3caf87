//! What is promised to authors: the second face, the SDK, and the commands that they use.

use super::Promise;

pub(super) const PROMISES: &[Promise] = &[
    Promise {
        text: "find . -type f | wc -l and grep -r over 1,000 objects whose listing carries their content \
               cost the listing's pages and nothing more, counted by the server.",
        tests: &[
            "omnifs::it projected::a_walk_over_a_thousand_objects_costs_the_pages_of_their_listing",
            "omnifs-vfs::it told::contents_that_come_with_a_listing_cost_nothing_more",
        ],
    },
    Promise {
        text: "Pages are streamed to the kernel as they come (ls -f prints before the last page is \
               fetched), files are read by ranges, and a blob is served from its file, never through \
               memory whole.",
        tests: &[
            "omnifs::it projected::names_are_shown_before_the_last_page_is_asked_for",
            "omnifs::it projected::a_page_that_fails_is_an_error_after_the_names_that_came",
            "omnifs::it projected::a_large_body_goes_through_no_memory",
            "omnifs-vfs::it parts::a_jump_costs_what_is_read",
            "omnifs-vfs::it parts::parts_of_another_version_are_never_given",
        ],
    },
    Promise {
        text: "A new author (a clean home, only the guide) has a provider over a paged JSON API with \
               issues/open/{n}/title, sizes without extra calls, index.jsonl, and a green omnifs test, \
               in under 150 lines of Rust.",
        tests: &[
            "omnifs::it author::guide::a_new_author_gets_there_with_the_guide_alone",
            "omnifs::it author::guide::the_rust_of_the_guide_is_that_of_the_template",
            "omnifs::it author::router::the_template_shows_a_paged_api_for_the_pages_of_its_listing",
        ],
    },
    Promise {
        text: "A provider in Python, built by the commands of its page, is its tree to the byte, with and \
               without a mount.",
        tests: &["row python provider"],
    },
    Promise {
        text: "A provider in JavaScript, built by the commands of its page, shows a paged API through the \
               host's http, with a secret that it never sees.",
        tests: &["row javascript provider"],
    },
    Promise {
        text: "The router: literals before captures, prefixes, what is left, types that fall through, \
               identities that survive renames, ambiguous and unreachable routes named, collections with \
               index.jsonl and count, a README.md of the routes.",
        tests: &[
            "omnifs-provider router::collection::tests::all_records_and_their_number_lie_beside_the_\
             entries",
            "omnifs-provider router::tests::a_literal_goes_before_captures_and_a_text_before_none",
            "omnifs-provider router::tests::literals_list_themselves_and_the_root_says_what_there_is",
            "omnifs-provider router::tests::routes_that_cannot_be_told_apart_are_named_and_nothing_is_\
             served",
            "omnifs-provider router::tests::pages_are_listed_one_by_one_and_names_found_in_any",
            "omnifs-provider router::tests::what_is_below_an_entry_is_known_by_its_key",
            "omnifs-provider router::tests::what_takes_all_that_is_left_goes_as_deep_as_it_lists",
            "omnifs::it routed::routes_are_a_tree_and_objects_keep_their_identity_when_they_are_renamed",
        ],
    },
    Promise {
        text: "A provider over a paged JSON API with issues/open/{n}/title, index.jsonl and exact sizes, \
               begun with omnifs init --template router, in under 150 lines: its walk costs its pages.",
        tests: &[
            "omnifs::it author::router::the_template_shows_a_paged_api_for_the_pages_of_its_listing",
            "omnifs::it author::router::the_template_is_formatted_and_passes_its_own_tests",
        ],
    },
    Promise {
        text: "omnifs test judges a provider by the contract against recorded exchanges, offline: each rule \
               fails for a provider that breaks it and for no other; failing and late upstreams; golden trees.",
        tests: &[
            "omnifs::it author::contract::a_provider_that_breaks_a_rule_fails_that_rule_and_no_other",
            "omnifs::it author::contract::a_provider_that_keeps_them_all_passes_and_texts_without_an_end_are_\
             noted",
            "omnifs::it author::contract::a_provider_that_numbers_on_discovery_is_found_out",
            "omnifs::it author::contract::an_edited_template_fails_where_it_is_wrong",
            "omnifs::it author::contract::the_http_template_passes_at_once",
            "omnifs::it author::contract::the_minimal_template_passes_and_is_told_of_the_tree",
            "omnifs::it author::contract::the_page_has_every_rule",
            "omnifs::it author::contract::the_router_template_passes_at_once",
            "omnifs::it author::contract::what_is_broken_is_shown_with_its_remedy_and_the_tree_as_a_difference",
        ],
    },
    Promise {
        text: "omnifs test --record writes down what a live upstream answers, and no secret with it.",
        tests: &[
            "omnifs-runtime http::recording::kept::tests::credentials_in_a_query_are_left_out",
            "omnifs::it author::contract::a_recording_holds_what_the_upstream_answered_and_no_secret",
            "omnifs::it author::contract::an_answer_with_the_secret_in_it_is_not_recorded",
        ],
    },
    Promise {
        text: "omnifs_provider::testing judges a provider of the router natively, by the same recordings.",
        tests: &[
            "omnifs-provider testing::tests::a_provider_is_listed_and_read_from_a_recording",
            "omnifs-provider testing::tests::what_breaks_a_rule_is_named",
            "omnifs::it author::router::the_template_is_formatted_and_passes_its_own_tests",
        ],
    },
    Promise {
        text: "omnifs dev: saving a handler shows the new bytes in a running read loop; a broken edit, or \
               one that does not fit the contract, leaves the old tree serving and shows why; Ctrl-C \
               leaves no mount.",
        tests: &[
            "omnifs::bin/omnifs author::sources::tests::directories_that_are_made_later_are_followed_and_\
             cargo_s_are_not",
            "omnifs::it author::dev::a_mistake_at_the_start_is_mended_by_saving_and_one_in_the_options_is_\
             told_at_once",
            "omnifs::it author::dev::a_saved_handler_is_served_and_a_broken_one_leaves_the_old",
            "omnifs::it author::dev::it_stands_beside_a_daemon_and_itself_and_mends_what_was_killed",
        ],
    },
    Promise {
        text: "omnifs dev shows each request live with time, operation, path, result and upstream calls; \
               a slow terminal loses lines and is told how many.",
        tests: &[
            "omnifs::bin/omnifs cli::dev::feed::tests::a_slow_reader_loses_lines_and_is_told_how_many",
            "omnifs-fuse::it protocol::watched::each_request_about_the_tree_is_told_with_path_and_result",
            "omnifs-vfs tree::flight::tests::everybody_who_waited_for_a_call_is_told_of_it",
            "omnifs::it author::dev::requests_are_shown_with_what_went_out_for_them",
        ],
    },
    Promise {
        text: "omnifs check FILE.wasm says what does not fit, or imports, needs, size and sections, and \
               which face serves where there are two; --json for programs.",
        tests: &[
            "omnifs-runtime::it artifacts::a_component_with_both_faces_is_served_by_the_second",
            "omnifs::it config::check_tells_a_provider_from_another_file",
            "omnifs::it config::check_tells_programs_the_same",
        ],
    },
    Promise {
        text: "omnifs ls, cat, find and stat read through the daemon or with --provider FILE.wasm; start \
               --no-mount.",
        tests: &[
            "omnifs::it access::a_component_is_read_without_daemon_and_mount",
            "omnifs::it access::a_daemon_answers_as_its_mount_does",
            "omnifs::it access::a_daemon_without_mounts_serves_and_takes_changes",
            "omnifs::it access::links_are_followed_as_a_kernel_does",
            "omnifs::it access::what_a_component_may_is_said_by_options",
        ],
    },
    Promise {
        text: "A provider begun with omnifs init --template http reads a JSON API on a local TLS \
               server with a bearer secret from the environment; the server saw the header, and \
               nothing else holds the value.",
        tests: &[
            "omnifs::it author::http::the_template_builds_offline_and_reads_an_api",
            "omnifs::it http::secrets::the_server_sees_it_and_nothing_else_holds_it",
            "omnifs::it http::secrets::an_answer_that_echoes_it_fails_the_call",
        ],
    },
    Promise {
        text: "A growing log followed by tail -f, less +F and a python loop for 60 s across a \
               rotation: no NUL, no loss.",
        tests: &[
            "omnifs::it live::follow::a_growing_log_is_followed_for_a_minute_over_a_rotation_without_nul_and_loss",
        ],
    },
    Promise {
        text: "An upstream's change that its events announce is seen by cat and ls at once with ttl 1 h, and \
               only what changed is asked for again, counted by the server; a watcher that ends, traps or \
               spins is started again and colours nothing; a flood of events, unknown and huge identities; \
               a hot swap and a change of the network end the old connection.",
        tests: &[
            "omnifs::it watched::a_flood_of_events_neither_stalls_readers_nor_grows_memory",
            "omnifs::it watched::a_watcher_takes_no_request_s_place",
            "omnifs::it watched::a_watcher_that_ends_is_started_again_and_the_mount_serves_on",
            "omnifs::it watched::a_watcher_that_spins_is_stopped",
            "omnifs::it watched::after_a_change_of_the_network_it_listens_on_a_new_connection",
            "omnifs::it watched::an_event_is_seen_at_once_and_only_what_changed_is_asked_for_again",
            "omnifs::it watched::an_exchanged_component_takes_its_watcher_along",
            "omnifs::it watched::what_fails_in_a_watcher_is_named_and_colours_no_other_call",
            "omnifs-runtime::it watching::a_watcher_that_ends_is_started_again_after_longer_and_longer_\
             pauses",
            "omnifs-vfs tree::orders::what_is_outdated_is_never_the_answer_afterwards",
            "omnifs-vfs::it outdated::an_answer_under_way_is_not_believed",
        ],
    },
];
