"""What rogues try, as handbook/operating/rogue-partner.md tells it → the test that tries it."""

P, L, S, A = "tests/partners/", "tests/log/", "tests/spaces/", "tests/accounts/"

ATTACKS: dict[str, str] = {
    # Sich verbinden
    "als Unbekannter eine Verbindung öffnen": P + "test_hostile.py::test_unknown_provider_gets_no_further",
    "sich mit dem Ausweis eines anderen melden": (
        P + "test_hostile.py::test_identity_of_another_is_worth_nothing_without_its_key"
    ),
    "sich dazwischensetzen": P + "test_hostile.py::test_proof_for_another_address_is_refused",
    "einen alten Nachweis noch einmal zeigen": P + "test_hostile.py::test_replayed_proof_is_refused",
    "mit einem Zertifikat antworten, für das niemand einsteht": P + "test_tls.py::test_a_stranger_is_not_linked_to",
    "unter derselben Adresse einen anderen Schlüssel zeigen": (
        P + "test_agreements.py::test_other_key_at_the_same_address_is_nobody_we_know"
    ),
    "eine Webseite die Verbindung öffnen lassen": P + "test_hostile.py::test_page_of_a_browser_opens_no_link",
    "Unsinn statt einer Begrüßung": P + "test_hostile.py::test_opening_that_is_none_is_refused",
    "alle Plätze belegen und schweigen": P + "test_hostile.py::test_silent_callers_do_not_keep_honest_ones_out",
    "verstummen und die Leitung halten": P + "test_state.py::test_link_that_falls_silent_ends",
    # Erfinden und fälschen
    "im Namen einer Person schreiben": P + "test_hostile.py::test_forged_and_broken_entries_are_not_taken",
    "dasselbe gepackt": P + "test_hostile.py::test_forged_and_broken_entries_are_not_taken_packed_either",
    "jemanden aufnehmen, befördern, entfernen": P + "test_hostile.py::test_partner_can_act_for_no_person",
    "weiterreichen, was ein Fremder in die Firma schrieb": (
        S + "test_replica.py::test_a_forged_fact_of_a_partner_changes_nothing"
    ),
    "eine Fälschung schicken, ehe das Echte da ist": (
        S + "test_replica.py::test_a_forged_copy_that_came_first_does_not_keep_the_true_one_out"
    ),
    "einen anderen Anbieter in die Firma holen": S + "test_places.py::test_a_provider_brings_in_nobody_by_itself",
    "Mitglieder hinauswerfen": S + "test_members.py::test_a_provider_removes_nobody_by_itself",
    "Plätze im Protokoll eines Dritten erfinden": (
        P + "test_hostile.py::test_places_in_the_sub_log_of_a_third_need_its_signature"
    ),
    "in unserem eigenen Protokoll weiterschreiben": P + "test_state.py::test_nobody_goes_on_with_our_own_sub_log",
    "anderes schicken, als er unterschrieben hat": (
        P + "test_heads.py::test_provider_that_sends_another_entry_than_it_signed_is_refused"
    ),
    "Unterschriften unter Protokolle fälschen": (
        P + "test_heads.py::test_every_head_of_a_tree_proves_itself_and_nothing_else"
    ),
    "sich selbst einen Schlüssel bestätigen": P + "test_heads.py::test_certificate_of_anybody_else_is_worth_nothing",
    "mit einem gestohlenen Protokollschlüssel unterschreiben": (
        P + "test_heads.py::test_key_ends_with_the_next_one_and_at_once_when_it_was_stolen"
    ),
    "für einen Dritten einen falschen Schlüssel ausgeben": (
        P + "test_hostile.py::test_keys_that_others_pass_on_must_prove_themselves"
    ),
    "eine Antwort zur Hälfte fälschen": L + "test_accept.py::test_spoiled_answer_is_refused_whole",
    # Verwirren
    "zwei Geschichten erzählen": P + "test_proofs.py::test_two_signed_histories_are_a_proof_that_stays",
    "jedem eine andere Geschichte erzählen": P + "test_proofs.py::test_proof_is_passed_on_to_who_shares_the_space",
    "einen Unschuldigen beschuldigen": P + "test_proofs.py::test_head_by_another_key_accuses_nobody",
    "etwas verschweigen": P + "test_greedy.py::test_withheld_entry_is_missed_and_got_from_somebody_else",
    "eine Nummer für zwei Tatsachen verwenden": (
        L + "test_accept.py::test_of_two_facts_with_one_number_the_same_counts_everywhere"
    ),
    "nach dem Hinauswurf weiterschreiben": A + "test_devices.py::test_what_it_wrote_after_its_cut_is_taken_in_nowhere",
    "zurückdatieren, was man nicht mehr darf": (
        S + "test_history.py::test_a_clock_that_was_turned_back_changes_nothing_of_what_was_seen"
    ),
    "mit einer falschen Uhr alle anderen verstellen": (
        P + "test_hostile.py::test_clock_of_a_partner_moves_no_clock_here"
    ),
    "einen Eintrag eines fremden Bereichs unterschieben": (
        P + "test_state.py::test_entry_hidden_in_a_frame_of_another_space_is_refused"
    ),
    "ihn gepackt unterschieben": L + "test_bulk.py::test_entries_of_another_space_cannot_come_out",
    "fremde Bereiche lesen oder beschreiben": P + "test_hostile.py::test_other_spaces_are_neither_given_nor_taken",
    "für Leute sprechen, die nicht bei ihm sind": P
    + "test_passing.py::test_a_partner_speaks_of_members_of_that_space_only",
    "behaupten, zu haben, was es nie gab": (
        P + "test_greedy.py::test_receipt_for_what_was_never_written_makes_nothing_durable"
    ),
    "in falscher Reihenfolge antworten": P + "test_greedy.py::test_answers_out_of_order_end_the_link",
    "Gelöschtes wiederbringen": "tests/erasure/test_orders.py::test_what_comes_after_the_order_is_erased_as_it_comes",
    "mit erfundenen Arten von Einträgen für Unruhe sorgen": (
        L + "test_newer.py::test_of_who_does_not_belong_nothing_is_told"
    ),
    # Überlasten
    "tief verschachteltes oder kaputtes JSON": P + "test_hostile.py::test_frame_that_is_none_ends_the_link",
    "kaputte gepackte Rahmen": P + "test_hostile.py::test_packed_frame_that_is_none_ends_the_link",
    "zu große Rahmen": P + "test_hostile.py::test_frame_that_is_too_large_ends_the_link",
    "mehr schicken, als quittiert ist": P + "test_hostile.py::test_flood_beyond_the_credits_ends_the_link",
    "gepackte Bomben": L + "test_bulk.py::test_bomb_is_refused_before_it_goes_off",
    "Bomben, die ihre Größe verschweigen": L + "test_bulk.py::test_bomb_that_hides_its_size_is_refused",
    "aus wenigen Bytes viele machen": L + "test_bulk.py::test_few_bytes_do_not_become_many",
    "komprimierte Antworten, die aufgehen": P + "test_hostile_bytes.py::test_compressed_answer_does_not_swell",
    "eine Million winziger Einträge": P + "test_greedy.py::test_tiny_entries_come_a_frame_at_a_time",
    "einen Bereich vollschreiben, damit andere warten": (
        P + "test_greedy.py::test_frames_of_one_space_hold_nobody_else_up"
    ),
    "tausende Bereiche ankündigen": P + "test_state.py::test_partner_may_introduce_only_so_many_spaces_and_entries",
    "Stände erfinden, bis der Speicher voll ist": P + "test_greedy.py::test_invented_sub_logs_fill_no_memory",
    "mehr ankündigen, als je kommt": P
    + "test_greedy.py::test_who_says_to_have_more_than_it_gives_is_asked_now_and_then",
    "immer wieder alles verlangen": P
    + "test_greedy.py::test_who_asks_again_and_again_gets_no_more_than_it_acknowledges",
    "immer wieder alle Unterschriften verlangen": (
        P + "test_greedy.py::test_signed_heads_are_given_to_one_question_at_a_time"
    ),
    "auf Unterschriften warten lassen, bis der Speicher voll ist": (
        P + "test_heads.py::test_what_waits_for_a_head_is_bounded"
    ),
    "unmögliche Nummern": P + "test_state.py::test_numbers_beyond_ours_are_refused",
    "immer wieder Falsches schicken": P + "test_state.py::test_who_is_refused_again_and_again_is_cut_off",
    "Anwesenheit und Tippen im Übermaß": P + "test_passing.py::test_what_is_too_much_is_not_heard",
    # Dateien und Anfragen
    "eine andere Datei als die verlangte geben": (
        P + "test_hostile_bytes.py::test_other_bytes_than_a_hash_names_are_thrown_away"
    ),
    "eine Datei ohne Ende, ein Abbruch, Unsinn": P + "test_hostile_bytes.py::test_answer_that_is_none_is_no_file",
    "eine Datei tröpfeln lassen": P + "test_share.py::test_who_drips_is_not_waited_for",
    "uns auf eine Adresse im eigenen Netz umleiten": P + "test_hostile_bytes.py::test_redirect_leads_nowhere",
    "eine Adresse im eigenen Netz als seine nennen": (
        P + "test_hostile_bytes.py::test_home_that_is_no_address_of_a_provider_is_asked_for_nothing"
    ),
    "Dateien fremder Bereiche oder des Servers holen": (
        P + "test_hostile_bytes.py::test_only_files_of_shared_spaces_are_given"
    ),
    "eine Anfrage unterwegs ändern": P + "test_requests.py::test_whatever_is_altered_is_noticed",
    "eine Anfrage noch einmal stellen": (
        P + "test_agreements.py::test_request_that_came_before_or_was_signed_by_another_is_refused"
    ),
    # Verabreden und sich ausgeben
    "einen abgefangenen Code benutzen": P + "test_agreements.py::test_used_code_is_for_nobody_else",
    "einen Code erraten": P + "test_agreements.py::test_forged_proof_is_refused",
    "eine alte Zustimmung über eine neue legen": P
    + "test_agreements.py::test_older_statement_does_not_undo_a_newer_one",
    "Namen, die dem Terminal Befehle geben": P + "test_agreements.py::test_names_cannot_command_a_terminal",
    "eine unverschlüsselte Adresse angeben": P + "test_agreements.py::test_unencrypted_address_is_never_dialled",
    "mit einer Anmeldung bei ihm hier hereinkommen": (
        A + "test_bearer.py::test_signature_for_another_provider_opens_nothing"
    ),
    "mit einer fremden Unterschrift einer Einladung folgen": S + "test_invitations.py::test_a_forged_proof_is_refused",
    "in einer Lieferung anderes bringen, als erbeten war, oder sie statt des Gefragten bringen": (
        P + "test_deliveries.py::test_only_who_was_asked_brings_and_only_what_comes_next"
    ),
    "als Gast mehr sehen als die eine Besprechung": (
        S + "test_invitations.py::test_a_guest_joins_a_meeting_and_sees_nothing_else"
    ),
    "einem Partner einen gefälschten Verlauf geben, damit dessen Eigenes mit abgewiesen wird": (
        P + "test_heads.py::test_a_forged_history_does_not_keep_its_victims_own_facts_away"
    ),
    "einem Partner einen gefälschten Verlauf geben, damit er das Echte von niemandem mehr annehmen kann": (
        P + "test_detours.py::test_true_history_is_taken_at_places_of_our_own"
    ),
    "den Platz einer Tatsache mit einer Fälschung belegen, damit niemand mehr nach der echten fragt": (
        P + "test_detours.py::test_place_of_a_forged_copy_is_asked_for_once_by_each_link"
    ),
}
