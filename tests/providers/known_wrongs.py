"""What other senders of messages get wrong, line by line, and the tests that keep us from it.

The numbers are those of the list of known mistakes. Each test is a file below `tests` and a name in it.
"""

MATRIX = "emulators/test_{}_faults.py::test_a_fault_ends_where_the_table_says"
# The mistake, by its number in the list of those that are known; what keeps us from it.
WRONGS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: (
        "Vonage's success taken for an error",
        ("providers/test_vonage.py::test_a_success_is_never_taken_for_an_unknown_error",),
    ),
    2: (
        "Vonage's text mangled outside GSM-7",
        ("providers/test_vonage.py::test_text_outside_gsm7_is_never_sent_as_plain_text",),
    ),
    3: (
        "A failed part hidden by the first one",
        ("providers/test_vonage.py::test_a_part_that_failed_is_never_hidden_by_the_first_one",),
    ),
    4: ("Mailgun's Reply-To lost", ("providers/test_mailgun.py::test_the_reply_to_is_not_lost_among_the_fields",)),
    5: (
        "No outcome when Mailgun fails",
        ("providers/test_mailgun.py::test_a_failing_service_never_leaves_a_recipient_without_an_outcome",),
    ),
    6: (
        "Attachments in memory looked for on the disk",
        (
            "providers/test_mailgun.py::test_files_travel_from_memory_with_their_names",
            "providers/test_sendgrid.py::test_files_travel_from_memory",
        ),
    ),
    7: ("Plain text sent as HTML", ("providers/test_mime.py::test_text_alone_is_never_sent_as_html",)),
    8: (
        "Many people in one transaction",
        ("providers/test_smtp_dialogue.py::test_no_two_recipients_share_an_envelope",),
    ),
    9: (
        "One bad recipient fails the others",
        (
            "providers/test_smtp_dialogue.py::test_a_refused_recipient_costs_only_itself",
            "emulators/test_email_faults.py::test_one_bad_address_among_three_costs_nobody_else_anything",
            "emulators/test_sms_faults.py::test_one_bad_address_among_three_costs_nobody_else_anything",
            "emulators/test_push_faults.py::test_one_bad_address_among_three_costs_nobody_else_anything",
        ),
    ),
    10: (
        "More delivered than there are recipients",
        (
            "api/test_messages_email.py::test_copies_do_not_count_as_recipients_but_plain_addresses_do",
            "engine/test_copies.py::test_every_address_that_is_named_gets_exactly_one_row",
        ),
    ),
    11: (
        "Message-ID of the worker's host, a library's name, no way back for bounces",
        (
            "providers/test_mime.py::test_the_message_id_is_the_same_for_every_try",
            "providers/test_known_wrongs.py::test_no_email_tells_the_name_of_this_machine_or_of_a_library",
            "bounces/test_return_paths.py::test_a_return_path_names_the_delivery_and_who_carried_it",
        ),
    ),
    12: (
        "A copy for each recipient",
        (
            "engine/test_copies.py::test_everybody_in_copy_gets_one_delivery_however_many_recipients_there_are",
            "providers/test_mailgun.py::test_people_in_copy_are_named_and_not_written_to_again",
            "providers/test_sendgrid.py::test_nobody_in_copy_gets_a_copy_for_each_recipient",
            "providers/test_resend.py::test_nobody_in_copy_gets_a_copy_for_each_recipient",
            "providers/test_ses.py::test_people_in_copy_are_named_and_not_written_to_again",
            "providers/test_mime_enclosures.py::test_cc_names_every_address_once_and_bcc_is_never_written",
        ),
    ),
    13: (
        "Somebody's words read as a template of Amazon's",
        ("providers/test_ses.py::test_what_somebody_wrote_is_no_template",),
    ),
    14: ("SES refused above 10 MB", ("providers/test_ses.py::test_an_email_of_thirty_megabytes_is_not_too_large",)),
    15: ("APNs' priority in the payload", ("providers/test_apns.py::test_priority_is_not_hidden_in_the_payload",)),
    16: (
        "Silent pushes declared as alerts",
        ("providers/test_apns.py::test_a_silent_push_is_not_declared_as_an_alert",),
    ),
    17: ("Custom data inside aps", ("providers/test_apns.py::test_custom_data_is_not_put_inside_aps",)),
    18: (
        "410 Unregistered never cleaned up",
        (
            "providers/test_apns.py::test_a_token_that_is_gone_is_never_kept",
            "engine/test_routing.py::test_a_dead_token_expires_its_target_and_suppresses_nobody",
        ),
    ),
    19: (
        "One mix-up kills every token",
        (
            "providers/test_apns.py::test_one_mix_up_of_environments_does_not_kill_every_token",
            "engine/test_token_deaths.py::test_a_wrong_environment_costs_no_token_of_a_message_to_everybody",
            "engine/test_token_deaths.py::test_whatever_the_sizes_a_mix_up_costs_no_token",
        ),
    ),
    20: (
        "A new APNs token for every batch",
        (
            "providers/test_apns_connection.py::test_many_at_once_do_not_make_more_than_one_token_or_connection",
            "providers/test_apns_connection.py::test_workers_do_not_each_make_a_token_when_they_share_a_directory",
            "providers/test_shared_tokens.py::"
            "test_machines_that_begin_at_once_use_one_token_and_so_do_those_that_come_later",
        ),
    ),
    21: (
        "No apns-id, expiration, collapse id, image",
        (
            "providers/test_apns.py::test_the_id_is_the_same_for_every_try_of_a_delivery_and_no_other",
            "providers/test_apns.py::test_an_expiration_is_not_a_moment_in_1970",
            "providers/test_apns.py::test_a_second_copy_does_not_stand_beside_the_first",
            "providers/test_apns.py::test_every_field_stands_where_ios_looks_for_it",
        ),
    ),
    22: (
        "A new FCM token for every batch",
        (
            "providers/test_fcm_sign_in.py::test_many_at_once_do_not_sign_in_more_than_once",
            "providers/test_fcm_sign_in.py::test_workers_do_not_each_sign_in_when_they_share_a_directory",
        ),
    ),
    23: (
        "Data that is no text fails for everyone",
        ("providers/test_fcm.py::test_data_that_is_no_text_does_not_fail_for_everyone",),
    ),
    24: (
        "A wrong project kills good tokens",
        (
            "providers/test_fcm.py::test_a_wrong_project_does_not_kill_good_tokens",
            "providers/test_fcm.py::test_one_mix_up_of_projects_does_not_kill_every_token",
            "engine/test_token_deaths.py::test_no_target_expires_when_a_third_of_a_batch_dies_at_once",
            "providers/test_fcm.py::test_each_answer_of_the_documentation_has_its_class",
        ),
    ),
    25: (
        "critical=false sends a critical alert",
        (
            "providers/test_fcm.py::test_critical_that_is_off_does_not_become_a_critical_alert",
            "providers/test_apns.py::test_critical_that_is_off_does_not_become_a_critical_alert",
            "api/test_messages_push.py::test_an_update_takes_back_what_it_names",
        ),
    ),
    26: (
        "Telesign's sender left out, receipts without a match",
        (
            "providers/test_telesign.py::test_the_sender_of_the_settings_is_never_left_out",
            "providers/test_sms_receipts.py::test_a_delivered_text_is_told_with_everything_known",
        ),
    ),
    27: ("Any 200 of MSG91 counts as delivered", ("providers/test_msg91.py::test_a_200_alone_is_never_a_success",)),
    28: (
        "The text pushed into variables that nobody named",
        ("providers/test_msg91.py::test_the_text_never_goes_into_variables_that_nobody_named",),
    ),
    29: (
        "No Messaging Service, error code lost",
        (
            "providers/test_twilio.py::test_a_messaging_service_takes_the_place_of_the_number",
            "providers/test_twilio.py::test_an_answer_becomes_its_outcome",
        ),
    ),
    30: (
        "Only phone numbers as senders",
        (
            "providers/test_twilio.py::test_a_sender_may_be_a_name",
            "providers/test_vonage.py::test_a_sender_may_be_a_name",
        ),
    ),
    31: (
        "Texts that always fail at the service are handed over",
        (
            "providers/test_twilio.py::test_a_text_that_is_too_long_is_not_even_sent",
            "providers/test_telesign.py::test_a_text_that_is_too_long_is_not_even_sent",
            "providers/test_textmagic.py::test_a_text_of_more_than_six_parts_is_never_cut_but_refused",
            "providers/test_fcm.py::test_a_message_at_the_limit_goes_and_one_byte_more_does_not",
            "providers/test_apns.py::test_a_message_at_the_limit_goes_and_one_byte_more_does_not",
        ),
    ),
    32: (
        'An error of "0" counts as success',
        ("providers/test_known_wrongs.py::test_an_error_that_says_0_is_no_success",),
    ),
    33: (
        "Words of an error decide whether it is tried again",
        (
            "providers/test_known_wrongs.py::test_no_words_make_a_refusal_look_temporary",
            "providers/test_msg91.py::test_words_never_make_an_error_look_temporary",
            "providers/test_textmagic.py::test_a_number_in_a_sentence_never_makes_an_error_look_temporary",
            "providers/test_fcm.py::test_a_number_in_the_text_of_an_error_decides_nothing",
            "providers/test_sendgrid.py::test_a_failing_service_is_tried_again_whatever_it_says",
        ),
    ),
    34: (
        "Retry-After ignored",
        (
            "providers/test_http_kit.py::test_every_way_to_say_how_long_is_understood",
            "providers/test_fcm.py::test_what_google_asks_to_wait_is_not_ignored",
            "unit/test_retry.py::test_what_the_provider_asked_for_wins_and_is_never_cut_short",
            "engine/test_pacing.py::test_nobody_starts_before_the_moment_that_the_service_named",
        ),
    ),
    35: (
        "A throttled provider holds up the others",
        ("emulators/test_outages.py::test_a_throttled_provider_does_not_hold_the_worker",),
    ),
    36: (
        "Two minutes of outage lose the campaign",
        ("emulators/test_outages.py::test_an_outage_of_two_minutes_loses_nobody",),
    ),
    37: (
        "What may have arrived is sent again",
        (
            MATRIX.format("sms"),
            MATRIX.format("email"),
            "providers/test_contract.py::test_an_uncertain_message_may_well_have_arrived",
            "engine/test_failover.py::test_an_uncertain_delivery_is_never_sent_by_anybody_else",
        ),
    ),
    38: (
        "No idempotency key",
        (
            "providers/test_resend_keys.py::test_what_broke_once_arrives_once_and_is_certain",
            "providers/test_contract.py::test_the_delivery_key_travels_along",
        ),
    ),
    39: (
        "The service's own number thrown away",
        (
            "emulators/test_roundtrip.py::test_a_message_of_the_api_arrives_and_the_ledger_says_so",
            "emulators/test_round_trips.py::test_a_call_ends_as_a_story_on_the_page",
        ),
    ),
    40: (
        "Accepted shown as delivered",
        (
            "emulators/test_receipts_roundtrip.py::test_what_the_service_says_afterwards_stands_in_the_story",
            "emulators/test_receipts_roundtrip.py::test_what_never_comes_leaves_the_delivery_where_it_is",
        ),
    ),
    41: (
        "Nobody can say whether Alice got it",
        (
            "services/test_deliveries.py::test_a_story_has_every_attempt_with_its_provider",
            "unit/test_logs.py::test_secrets_and_addresses_go_while_the_rest_stays",
        ),
    ),
    42: (
        "One failure makes a hundred thousand look failed",
        ("emulators/test_outages.py::test_one_failure_does_not_hide_those_who_got_it",),
    ),
    43: (
        "A killed worker loses or repeats a send",
        (
            "faults/test_kill.py::test_a_worker_that_is_killed_at_random_moments_of_its_work_loses_nobody",
            "faults/test_storm.py::test_nobody_is_lost_in_a_storm_on_sqlite",
        ),
    ),
    44: (
        "Somebody in two topics gets it twice",
        (
            "engine/test_copies.py::test_an_address_that_is_named_in_every_way_gets_one_delivery_with_its_person",
            "engine/test_fanout.py::test_fan_out_twice_adds_nothing",
        ),
    ),
    45: (
        "No failover in an outage",
        (
            "engine/test_failover.py::test_what_one_provider_cannot_carry_goes_to_the_next_one_at_once",
            "engine/test_routing.py::test_a_bound_provider_in_trouble_is_replaced_by_the_default_one",
        ),
    ),
    46: (
        "A wrong key is tried again for every batch",
        (
            "engine/test_dispatch.py::test_a_wrong_password_blocks_the_provider_and_touches_nobody",
            "providers/test_http_kit.py::test_wrong_settings_are_not_held_against_the_service_again_and_again",
            "engine/test_breaker.py::test_wrong_settings_open_it_at_once_with_the_reason",
        ),
    ),
    47: (
        "Bounced and complaining addresses are written to again",
        (
            "engine/test_dispatch.py::test_a_dead_mailbox_fails_and_is_suppressed",
            "engine/test_feedback.py::test_dead_addresses_and_a_no_are_suppressed",
            "emulators/test_unsubscribe_roundtrip.py::test_each_recipient_gets_a_link_of_their_own_and_it_works",
            "web/test_unsubscribe.py::test_looking_changes_nothing_however_often_and_in_whatever_way",
        ),
    ),
    48: (
        "Stale messages delivered late",
        (
            "unit/test_retry.py::test_patience_ends_a_day_after_the_first_try",
            "providers/test_apns.py::test_an_expiration_is_not_a_moment_in_1970",
        ),
    ),
    49: (
        "Resend asked faster than it allows",
        ("providers/test_resend_keys.py::test_files_go_one_by_one_and_never_faster_than_the_limit",),
    ),
    50: (
        "Trouble after the delivery undoes it",
        ("engine/test_journal.py::test_an_answer_counts_also_when_the_journal_cannot_be_written",),
    ),
    51: (
        "No test send, no preview",
        (
            "services/test_test_send.py::test_a_test_arrives_filled_in_for_the_first_recipient",
            "services/test_preview.py::test_the_preview_is_what_the_delivery_renders",
        ),
    ),
    52: (
        "Credentials that nobody ever tried",
        (
            "providers/test_contract.py::test_verifying_good_settings_finds_all_well_and_sends_nothing",
            "providers/test_contract.py::test_verifying_bad_credentials_says_so",
        ),
    ),
    54: (
        "Base URLs that no test can change",
        (
            "providers/test_mailgun.py::test_the_operators_endpoint_comes_first_with_its_path",
            "emulators/test_roundtrip.py::test_everything_that_runs_says_where_and_how_to_connect",
        ),
    ),
}
NOT_OURS = {53: "Carillon sends no messages of its own: invitations and links are shown, not mailed."}
