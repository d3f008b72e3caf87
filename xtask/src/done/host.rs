//! What is promised to readers and operators.

use super::Promise;

pub(super) const PROMISES: &[Promise] = &[
    Promise {
        text: "In an empty home the page's commands, typed in its order, give its outputs to the \
               byte; restart with no daemon starts one and returns only when ls works; stat, wc, \
               find, rg, tar, cp, rsync, sha256sum, python read and mmap agree on 18 bytes.",
        tests: &["omnifs::it page::its_commands_give_its_outputs"],
    },
    Promise {
        text: "The page's source compiles unmodified, and is the repository's own example.",
        tests: &["omnifs::it page::its_source_is_the_repository_s_own_example"],
    },
    Promise {
        text: "The same with a provider that the test makes up: random names and bytes, depth 3, \
               inodes 2, 2^32 and 2^64 - 2, a file of 60 MiB, empty files, UTF-8 names.",
        tests: &["omnifs::it generated::its_tree_is_the_tree_it_was_made_from"],
    },
    Promise {
        text: "A provider that renames an object keeps its st_ino over the rename and a restart; \
               one that returns inode 0 or 2^64 - 1 for a child gets an error on that name only.",
        tests: &["omnifs::it generated::an_object_keeps_its_number_over_a_rename_and_a_restart"],
    },
    Promise {
        text: "touch, rm, mkdir, mv, chmod and >> each fail with \"Read-only file system\".",
        tests: &["omnifs::it read_only::every_change_is_refused_as_on_a_read_only_file_system"],
    },
    Promise {
        text: "Ctrl-C on cat of the spinning file returns at once; without it \"Connection timed \
               out\" at the deadline; meanwhile sibling names and the other mount answer; no \
               process is left that cannot be killed.",
        tests: &["omnifs::it spinning::ctrl_c_returns_at_once_and_the_deadline_by_itself"],
    },
    Promise {
        text: "A trapping and a memory-eating component beside a healthy one cost one call each.",
        tests: &["omnifs::it spinning::a_trap_and_a_memory_eater_cost_one_call_each"],
    },
    Promise {
        text: "While one process stats a file whose content takes 3 s, siblings answer, also when \
               a third process runs touch in that directory.",
        tests: &["omnifs::it slow::siblings_answer_while_one_stat_waits_also_beside_a_create"],
    },
    Promise {
        text: "A second waiter on the slow file dies on SIGKILL at once; a python program with a \
               SIGALRM handler sees no error.",
        tests: &[
            "omnifs::it slow::a_second_waiter_dies_at_once",
            "omnifs::it slow::a_signal_that_a_program_handles_is_no_error_for_it",
        ],
    },
    Promise {
        text: "ls -l of a directory costs 2 xattr requests, not 2 a file; cp -a and rsync -aX copy \
               no attribute of ours.",
        tests: &[
            "omnifs::it xattrs::a_long_listing_asks_for_two_attributes_in_all",
            "omnifs::it xattrs::copies_carry_no_attribute",
        ],
    },
    Promise {
        text: "A shell whose cwd is inside and a sha256sum in progress survive 100 hot swaps.",
        tests: &[
            "omnifs::it reload::a_working_directory_and_a_checksum_survive_a_hundred_exchanges",
        ],
    },
    Promise {
        text: "With upstream bytes changing under readers and 4 MiB of memory, an open file and a map \
               are one version or an error; a second ls after ttl shows the new name with ls, python \
               and raw getdents.",
        tests: &[
            "omnifs::it kept::versions::an_open_file_and_a_map_are_one_version_or_an_error",
            "omnifs::it kept::versions::after_its_freshness_a_second_listing_shows_the_new_name_to_everybody",
        ],
    },
    Promise {
        text: "After omnifs restart with the upstream stopped everything read before is served within \
               stale_if_error, marked stale; with 1,000 random bits flipped in the cache directory \
               there are 0 wrong bytes.",
        tests: &[
            "omnifs::it kept::upstream::after_a_restart_without_the_upstream_everything_read_is_there_and_says_it_is_stale",
            "omnifs::it kept::damage::a_thousand_flipped_bits_give_no_wrong_byte",
        ],
    },
    Promise {
        text: "kill -9 20 times while the cache fills: the next start serves, with 0 corrupt hits.",
        tests: &[
            "omnifs::it kept::damage::twenty_kills_while_it_fills_leave_what_is_sound_and_nothing_else",
        ],
    },
    Promise {
        text: "explain PATH in full, user.omnifs.* by getfattr, one name of a call through log, errors \
               and explain.",
        tests: &[
            "omnifs::it http::requests::one_name_of_a_call_leads_from_the_error_to_the_log",
            "omnifs::it http::requests::a_call_that_asks_for_much_shows_some_and_no_call_shows_a_secret",
            "omnifs::it http::requests::what_was_kept_over_a_restart_still_says_where_it_came_from",
        ],
    },
    Promise {
        text: "Files read in turn and directories listed in turn are fetched ahead, each once; a single \
               cat fetches nothing extra, by the server's own count.",
        tests: &["omnifs::it http::ahead::what_is_read_ahead_is_counted_by_the_server"],
    },
    Promise {
        text: "64 readers, 8 find and 4 rg, cached and uncached mixed, with an upstream of 5 ms: 0 errors, \
               0 wrong bytes, no stall over 2 s, memory and descriptors flat (a minute in the gate, as \
               long as one likes by cargo xtask soak).",
        tests: &[
            "omnifs::it http::soak::readers_walks_and_searches_see_no_error_no_wrong_byte_and_no_stall",
        ],
    },
    Promise {
        text: "Every adversarial row of one evil component: the errno in time, a healthy neighbour answers \
               in under 1 s throughout, memory under 512 MiB, the same daemon.",
        tests: &["omnifs::it evil::every_evil_deed_ends_in_time_and_harms_nobody"],
    },
    Promise {
        text: "10,000 traps: memory grows by less than 20 MiB, the breaker is active.",
        tests: &[
            "omnifs-runtime::it breaker::ten_thousand_traps_take_no_memory_with_them",
            "omnifs-runtime::it breaker::after_five_traps_nobody_is_asked_until_the_pause_is_over",
        ],
    },
    Promise {
        text: "All limits can be set, each is hit by a test, and says its name; docs/limits.md has them \
               all with their defaults.",
        tests: &[
            "omnifs::bin/omnifs config::tests::the_page_of_limits_is_true",
            "omnifs::bin/omnifs config::tests::every_key_of_a_provider_is_understood",
            "omnifs::it http::configured::each_can_be_set_and_says_its_name",
            "omnifs::it http::configured::requests_at_a_time_are_as_many_as_is_set",
            "omnifs::it http::configured::what_it_prints_is_cut_where_it_is_set",
            "omnifs::it http::configured::a_component_over_its_limit_is_not_loaded",
            "omnifs-runtime::it limits::a_component_over_its_limit_is_refused",
            "omnifs-runtime::it limits::a_call_that_waits_too_long_is_given_up",
            "omnifs-runtime::it limits::a_file_over_the_limit_is_refused_with_its_size",
            "omnifs-runtime::it limits::a_listing_of_a_million_names_passes_and_one_more_does_not",
            "omnifs-runtime::it limits::a_spinning_guest_is_stopped_while_a_neighbour_answers",
            "omnifs-runtime::it limits::compiling_has_an_end",
            "omnifs-runtime::it limits::memory_has_an_end",
            "omnifs-runtime::it limits::one_waiter_too_many_is_refused",
            "omnifs-runtime::it limits::so_many_traps_as_are_set_have_it_left_alone",
            "omnifs-runtime::it limits::tables_have_an_end",
            "omnifs-runtime::it limits::the_stack_is_as_deep_as_it_is_set",
            "omnifs-runtime::it limits::what_is_lifted_follows_its_limit",
        ],
    },
    Promise {
        text: "kill -9 100 times under load: correct bytes within 3 s of each start, 0 stacked mounts. \
               SIGTERM under 64 readers 50 times: exit within 5 s, nothing in state D.",
        tests: &[
            "omnifs::it fire::a_hundred_kills_under_load_leave_right_bytes_and_one_mount",
            "omnifs::it fire::fifty_ends_under_readers_are_quick_and_leave_nobody_waiting",
        ],
    },
    Promise {
        text: "A slow provider (8 s a call) beside a fast one: the fast one's p99 under 50 ms. Idle with \
               10 mounts: CPU under 0.5 %, 60 MiB at most.",
        tests: &[
            "omnifs::it fire::a_slow_provider_does_not_slow_a_fast_one",
            "omnifs::it fire::ten_idle_mounts_use_no_cpu_and_little_memory",
        ],
    },
    Promise {
        text: "Suspension and a change of the network, clocks that jump, a mount removed by hand, the \
               cache directory deleted while it is used, the configuration edited while the daemon \
               starts, commands at one time, a daemon of another version.",
        tests: &[
            "omnifs-runtime http::clients::tests::a_suspension_is_noticed_once",
            "omnifs-runtime http::clients::tests::after_a_suspension_no_connection_from_before_is_used",
            "omnifs::it lifecycle::a_daemon_of_another_version_is_named_by_every_command",
            "omnifs::it lifecycle::a_mount_that_the_user_unmounts_stays_so_until_the_restart",
            "omnifs::it surroundings::a_cache_that_is_removed_while_it_is_used_is_begun_anew",
            "omnifs::it surroundings::a_clock_that_jumps_changes_nothing",
            "omnifs::it surroundings::a_configuration_that_changes_while_the_daemon_starts_is_the_one_\
             that_holds",
            "omnifs::it surroundings::a_download_finds_its_place_when_the_cache_was_removed",
            "omnifs::it surroundings::after_a_change_of_the_network_connections_are_new",
            "omnifs::it surroundings::commands_at_one_time_wait_for_each_other",
        ],
    },
    Promise {
        text: "Each operation of the disk, of a socket and of a provider fails once, the first, the \
               second and so on: what is seen is right or the failure, and then right.",
        tests: &[
            "omnifs::it faults::each_operation_on_disk_that_fails_is_seen_by_nobody",
            "omnifs::it faults::each_operation_on_the_network_that_fails_is_an_error_or_nothing_and_\
             then_right",
            "omnifs-vfs::it faults::each_call_that_fails_is_one_failure_and_the_next_try_is_right",
            "omnifs-vfs::it faults::each_refresh_that_fails_is_not_noticed_while_the_old_answer_may_\
             serve",
        ],
    },
    Promise {
        text: "In every order that shuttle finds: the cache filled against invalidated, the source \
               exchanged with calls under way, and callers cut off with their calls under way.",
        tests: &[
            "omnifs-vfs tree::orders::what_is_asked_for_anew_is_never_older_than_the_request",
            "omnifs-vfs tree::orders::once_the_source_is_another_one_nothing_that_the_old_one_said_\
             is_believed",
            "omnifs-vfs tree::orders::users_that_are_cut_off_leave_nothing_behind",
        ],
    },
    Promise {
        text: "A documented line of fstab works: mount, mount --all and umount of a provider, by \
               mount(8) and the binary as mount.omnifs.",
        tests: &[
            "omnifs::it fstab::a_line_mounts_and_umount_takes_its_mount_away",
            "omnifs::it fstab::all_lines_are_mounted_at_once",
        ],
    },
    Promise {
        text: "127.0.0.1 in all its spellings, IPv6 forms, names that resolve to private \
               addresses, rebinding, redirects, userinfo tricks, other ports, environment \
               proxies: zero connections at the forbidden listener; each refusal says the line \
               that would allow it.",
        tests: &[
            "omnifs::it http::gate::urls_that_are_not_granted_connect_to_nobody",
            "omnifs::it http::gate::a_name_is_only_as_good_as_its_addresses",
            "omnifs::it http::gate::a_name_that_changes_its_address_is_checked_again",
            "omnifs::it http::gate::redirects_pass_the_gate_hop_by_hop",
            "omnifs::it http::gate::the_environment_has_no_part_in_it",
            "omnifs-runtime http::gate::tests::a_refusal_says_the_line_that_would_allow_it",
        ],
    },
    Promise {
        text: "An upstream that never answers, drips, bombs or cuts short gives its errno in time, \
               sockets are closed, memory stays within 100 MiB of idle. One that returns 500, 429, \
               401, refuses or resets never yields an empty directory or a short file with exit \
               status 0; healthy again: right within 3 s without a restart.",
        tests: &[
            "omnifs::it http::limits::hostile_answers_cost_a_call_and_no_memory",
            "omnifs::it http::limits::slow_answers_end_in_time",
            "omnifs::it http::failures::each_failure_has_its_errno_in_every_tool",
            "omnifs::it http::failures::who_cannot_be_reached_is_told_apart",
            "omnifs::it http::failures::a_healthy_upstream_is_right_again_without_a_restart",
        ],
    },
    Promise {
        text: "1,000 requests to one host reuse connections, counted by the server.",
        tests: &["omnifs::it http::answers::many_requests_share_connections_and_run_together"],
    },
    Promise {
        text: "Every example of docs/capabilities.md is true.",
        tests: &["omnifs::it docs::the_guide_to_capabilities_is_true"],
    },
    Promise {
        text: "cargo xtask demo --exec 'ls -lR' shows the sample trees.",
        tests: &["step demo"],
    },
    Promise {
        text: "After kill -9, also of a daemon with unanswered requests, omnifs start serves again \
               within 3 s with exactly one mount.",
        tests: &["omnifs::it lifecycle::after_a_kill_the_next_start_serves_again"],
    },
    Promise {
        text: "The same random steps (changes, renames, removals, waiting, reloads, stat, reads, \
               listings, open files, forgetting) agree with a naive model in memory and on a mount.",
        tests: &[
            "omnifs-vfs::it model::the_tree_agrees_with_a_naive_one_whatever_happens",
            "omnifs-fuse::it mounted::model::a_mount_agrees_with_the_naive_tree",
            "omnifs-fuse::it mounted::model::a_mount_agrees_with_the_notices_of_an_older_kernel",
            "omnifs-fuse::it mounted::model::a_mount_agrees_when_it_serves_what_is_stale",
            "omnifs-fuse::it mounted::model::a_mount_agrees_without_memory",
        ],
    },
    Promise {
        text: "In every order that shuttle finds, callers share one call, nobody is stranded, and \
               an error reaches all; a node is one version, is counted, and its id is not used \
               again; what an exchanged source said is not believed.",
        tests: &[
            "omnifs-vfs tree::flight::orders::a_call_that_was_given_up_leaves_the_next_one_alone",
            "omnifs-vfs tree::flight::orders::a_caller_that_goes_strands_nobody",
            "omnifs-vfs tree::flight::orders::an_error_reaches_all_who_wait_and_stays_with_nobody",
            "omnifs-vfs tree::flight::orders::callers_share_calls_and_nobody_gets_an_old_answer",
            "omnifs-vfs tree::orders::a_lookup_finds_what_is_there_while_others_forget_it",
            "omnifs-vfs tree::orders::a_node_is_one_version_and_is_counted_while_files_change",
            "omnifs-vfs tree::orders::a_node_is_one_version_and_is_counted_while_names_are_refreshed",
            "omnifs-vfs tree::orders::once_the_source_is_another_one_nothing_that_the_old_one_said_\
             is_believed",
        ],
    },
    Promise {
        text: "Every row of the tool matrix (ls to vim) prints the same in a mount as in the same \
               tree on a tmpfs, for root and for an ordinary user, on hello and on a forest of \
               10,000 files with odd names and one of 60 MiB.",
        tests: &[
            "omnifs::it matrix::every_row_is_equal_for_root",
            "omnifs::it matrix::every_row_is_equal_for_an_ordinary_user",
        ],
    },
    Promise {
        text: "Directories of 0, 1, 2, 1,000, 100,000 and 1,000,000 names are listed exactly, \
               twice, through tiny buffers, telldir and seekdir, by two readers, and while they \
               change; find | wc -l is exact on 10,000 and 1,000,000 nodes.",
        tests: &[
            "omnifs::it readdir::every_length_is_listed_exactly_twice_over",
            "omnifs::it readdir::buffers_of_one_name_and_of_many_miss_none",
            "omnifs::it readdir::a_buffer_too_small_for_a_name_is_refused",
            "omnifs::it readdir::a_place_in_a_directory_is_found_again",
            "omnifs::it readdir::two_readers_at_once_each_see_all",
            "omnifs::it readdir::a_directory_that_changes_under_its_reader_stays_whole",
            "omnifs::it readdir::a_listing_that_the_kernel_has_half_of_is_read_to_its_end",
            "omnifs::it readdir::a_million_names_are_counted_exactly_and_their_nodes_given_back",
        ],
    },
    Promise {
        text: "A million nodes take at most 300 bytes each; memory falls when the kernel drops its \
               caches.",
        tests: &[
            "omnifs-vfs::it memory::a_million_nodes_take_300_bytes_each",
            "omnifs::it readdir::a_million_names_are_counted_exactly_and_their_nodes_given_back",
        ],
    },
    Promise {
        text: "While an upstream fails, what was read before is served for stale_if_error and says that \
               it is stale; what never was is the failure; healthy again, it is right at once.",
        tests: &[
            "omnifs::it http::failures::what_was_read_before_outlives_a_failing_upstream",
            "omnifs-vfs::it trouble::a_file_that_the_kernel_forgot_is_there_with_its_bytes",
            "omnifs-vfs::it trouble::a_source_that_answers_again_is_believed_at_once",
            "omnifs-vfs::it trouble::after_one_failure_the_others_do_not_wait_for_theirs",
            "omnifs-vfs::it trouble::names_bytes_and_listings_outlive_a_failure_and_then_it_shows",
            "omnifs-vfs::it trouble::what_was_never_read_fails_as_it_is",
        ],
    },
    Promise {
        text: "omnifs explain and user.omnifs.* say how old an answer is and what went wrong; omnifs \
               refresh has it asked for anew.",
        tests: &[
            "omnifs::it explain::what_is_known_is_explained_and_asked_for_anew_on_request",
            "omnifs::it http::failures::errors_and_explain_say_why_and_what_helps",
            "omnifs-fuse::it mounted::tools::extended_attributes_tell_what_is_known_and_are_not_listed",
            "omnifs-vfs::it facts::what_is_expired_is_asked_for_anew_and_nothing_else",
        ],
    },
    Promise {
        text: "Files that are read or stat-ed in turn are read ahead, in parallel, within a part of the \
               memory; one file, or two, fetch nothing else.",
        tests: &[
            "omnifs-vfs::it ahead::a_failure_ends_it",
            "omnifs-vfs::it ahead::all_in_turn_are_each_read_once_and_ahead",
            "omnifs-vfs::it ahead::large_files_are_not_read_ahead_beyond_a_part_of_the_memory",
            "omnifs-vfs::it ahead::one_or_two_files_read_nothing_ahead",
        ],
    },
    Promise {
        text: "The fuzz corpora of kernel requests, directory entries, names and providers.toml \
               replay, with 5,000 mutations each.",
        tests: &[
            "omnifs::bin/omnifs config::fuzzing::tests::the_corpus_of_configurations_replays",
            "omnifs-fuse fuzzing::tests::the_corpora_are_what_is_made_here",
            "omnifs-fuse fuzzing::tests::the_corpus_of_dirents_replays",
            "omnifs-fuse fuzzing::tests::the_corpus_of_requests_replays",
            "omnifs-vfs fuzzing::tests::the_corpus_of_names_replays",
        ],
    },
    Promise {
        text: "1,000 reloads with a change and 100 start/stop cycles leak nothing (mounts, \
               descriptors, threads, instances; RSS slope < 10 KiB a cycle), measured from /proc \
               by an outside script.",
        tests: &[
            "omnifs::it leaks::a_thousand_reloads_with_a_change_leave_nothing",
            "omnifs::it leaks::a_hundred_starts_and_stops_leave_nothing",
        ],
    },
    Promise {
        text: "GET /metrics and omnifs metrics give Prometheus' text format: each request of the kernel \
               counts in one layer, upstream requests are as many as the server counts, errors by \
               errno; a provider that is removed has no series. docs/metrics.md has every series.",
        tests: &[
            "omnifs::it metrics::the_socket_serves_what_the_command_prints",
            "omnifs::it metrics::requests_layers_and_errors_are_counted_once_each",
            "omnifs::it metrics::what_the_disk_had_is_not_called_for",
            "omnifs::it metrics::a_provider_that_is_removed_or_fails_has_no_series",
            "omnifs::it http::metrics::upstream_requests_are_those_that_the_server_counts",
            "omnifs::it http::metrics::fresh_confirmed_and_failed_requests_are_told_apart",
            "omnifs::bin/omnifs control::metrics::tests::the_page_has_every_series_as_it_is_served",
            "omnifs::bin/omnifs control::metrics::tests::names_and_units_are_those_of_prometheus",
        ],
    },
    Promise {
        text: "omnifs top shows rates, layers and slow paths second by second, by keys in an order and a \
               size; a key, Ctrl-C, SIGTERM, Ctrl-Z, a panic and the daemon's end give the terminal \
               back as it was; no path can make it obey; --once and --json are for programs.",
        tests: &[
            "omnifs::it top::keys_and_signals_end_it_and_the_terminal_is_as_it_was",
            "omnifs::it top::it_is_ordered_resized_and_suspended",
            "omnifs::it top::it_ends_with_the_daemon_and_says_so",
            "omnifs::it top::without_a_terminal_it_is_one_sample",
            "omnifs::it top::json_is_a_line_each_second_until_nobody_reads_on",
            "omnifs::it top::without_a_daemon_there_is_nothing_to_show",
            "omnifs::bin/omnifs cli::top::screen::tests::a_panic_gives_the_terminal_back",
            "omnifs::bin/omnifs cli::top::table::tests::it_looks_like_this",
        ],
    },
    Promise {
        text: "64 parallel readers for 60 s see no wrong byte, while the kernel's caches are \
               dropped and the component is exchanged.",
        tests: &["omnifs::it readers::sixty_four_for_a_minute_see_no_wrong_byte"],
    },
    Promise {
        text: "A provider that numbers inodes on discovery is served correctly under 16 parallel \
               readers, pinned, and its author told.",
        tests: &[
            "omnifs::it numbering::sixteen_readers_get_right_bytes_from_one_instance_in_the_end",
        ],
    },
];
