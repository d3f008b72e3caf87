//! What is promised of the providers that come with omnifs.

use super::Promise;

pub(super) const PROMISES: &[Promise] = &[
    Promise {
        text: "httpdir: nginx and Apache autoindex (HTML) and nginx JSON as files; size and mtime from the \
               listing, exact sizes where it rounds, ranged reads, ETag. With 10,000 files of a real nginx \
               find costs 101 requests, grep -r one a file, and what is repeated warm none; a file of 1 \
               GiB; find, grep -r and tar are compared byte for byte.",
        tests: &[
            "omnifs::it httpdir::changes::a_file_of_this_minute_is_not_believed_by_its_time",
            "omnifs::it httpdir::changes::a_refresh_sees_what_there_is_now",
            "omnifs::it httpdir::changes::only_what_changed_is_read_again",
            "omnifs::it httpdir::it_keeps_the_contract",
            "omnifs::it httpdir::large::a_gibibyte_is_read_in_parts_and_is_its_upstream_s_to_the_byte",
            "omnifs::it httpdir::large::parts_are_of_one_version",
            "omnifs::it httpdir::names::every_form_of_a_listing_shows_the_server_s_tree",
            "omnifs::it httpdir::names::every_form_of_apache_shows_the_server_s_tree",
            "omnifs::it httpdir::names_that_are_looked_up_cost_one_listing_a_directory",
            "omnifs::it httpdir::rounded::rounded_sizes_are_exact_and_cost_a_request_each",
            "omnifs::it httpdir::ten_thousand_files_cost_a_request_each_and_then_nothing",
        ],
    },
    Promise {
        text: "A hostile listing leads nowhere but into its directory, and costs nobody else anything; a \
               directory that is not listed is the error of its status, and never empty.",
        tests: &[
            "omnifs::it httpdir::hostile::bytes_are_the_file_s_or_an_error",
            "omnifs::it httpdir::hostile::links_that_lead_elsewhere_are_no_names",
            "omnifs::it httpdir::hostile::pages_without_measure_cost_nobody_else_anything",
            "omnifs::it httpdir::hostile::what_is_no_listing_is_an_error_and_never_an_empty_directory",
            "omnifs::it httpdir::names::a_cycle_of_directories_ends",
        ],
    },
    Promise {
        text: "omnifs provider add httpdir mounts a directory with one line, and says what to type where \
               something is missing.",
        tests: &[
            "omnifs::it httpdir::added::one_line_mounts_a_directory",
            "omnifs::it httpdir::added::what_an_option_grants_is_not_asked_for",
            "omnifs::it httpdir::added::what_is_missing_is_named_with_what_to_type",
        ],
    },
];
