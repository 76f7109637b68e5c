#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/alias_cmd.h"
#include "cli/case_cmd.h"
#include "cli/constituent_cmd.h"
#include "cli/contact_cmd.h"
#include "cli/doctor_cmd.h"
#include "cli/evidence_cmd.h"
#include "cli/feed_cmd.h"
#include "cli/find_cmd.h"
#include "cli/help_cmd.h"
#include "cli/indicator_cmd.h"
#include "cli/journal_cmd.h"
#include "cli/key_cmd.h"
#include "cli/mail_cmd.h"
#include "cli/mapping_cmd.h"
#include "cli/record_cmd.h"
#include "cli/record_kind.h"
#include "cli/report_cmd.h"
#include "cli/rir_cmd.h"
#include "cli/rule_cmd.h"
#include "cli/setting_cmd.h"
#include "cli/share_cmd.h"
#include "cli/submit_cmd.h"
#include "cli/verify_cmd.h"
#include "cli/warninglist_cmd.h"
#include "cli/words.h"

const struct option_rule commands_common_options[] = {
    {"profile", OPTION_ONE, "NAME", N_("who to be, of the profiles in CIRT_CONFIG")},
    {"json", OPTION_SWITCH, NULL, N_("one JSON value on standard output, errors as problem+json on standard error")},
    {"exact", OPTION_SWITCH, NULL, N_("times as RFC 3339, numbers without commas")},
    {"raw", OPTION_SWITCH, NULL, N_("outside text as it came: not defanged, not made harmless")},
    {"help", OPTION_SWITCH, NULL, N_("help on the command (also -h)")},
    {0},
};

#define LIMIT                                                                                                                              \
    {                                                                                                                                      \
        "limit", OPTION_ONE, "N", N_("how many at most (50)")                                                                              \
    }
#define FIELDS                                                                                                                             \
    {                                                                                                                                      \
        "fields", OPTION_MANY, "NAME...", N_("only these members, parted by tabs")                                                         \
    }
#define REVISION                                                                                                                           \
    {                                                                                                                                      \
        "revision", OPTION_ONE, "N", N_("only if the case is still at this revision")                                                      \
    }
#define REASON                                                                                                                             \
    {                                                                                                                                      \
        "message", OPTION_ONE, "WHY", N_("the reason (also -m)")                                                                           \
    }
#define YES                                                                                                                                \
    {                                                                                                                                      \
        "yes", OPTION_SWITCH, NULL, N_("do not ask")                                                                                       \
    }

#define STRICT                                                                                                                             \
    {                                                                                                                                      \
        "strict", OPTION_SWITCH, NULL, N_("you decide that this AMBER+STRICT mail, or this answer in clear, goes")                         \
    }
#define DRY                                                                                                                                \
    {                                                                                                                                      \
        "dry-run", OPTION_SWITCH, NULL, N_("show who would get it and how; send nothing")                                                  \
    }

static const struct option_rule alias_ls_options[] = {
    {"unmapped", OPTION_SWITCH, NULL, N_("words that nobody knows: what they named is other/undetermined")}, LIMIT, FIELDS, {0}};
static const struct option_rule warninglist_options[] = {{"name", OPTION_ONE, "NAME", N_("of the list; else the folder's, or the file's")},
                                                         {0}};
static const struct option_rule ls_options[] = {
    LIMIT, {"sort", OPTION_ONE, "K", N_("due (overdue first), priority, opened, updated, number; -K turns it round")}, FIELDS, {0}};
static const struct option_rule record_ls_options[] = {
    {"limit", OPTION_ONE, "N", N_("how many at most (50; with --json all)")}, FIELDS, {0}};
static const struct option_rule list_options[] = {LIMIT, FIELDS, {0}};
static const struct option_rule fields_options[] = {FIELDS, {0}};
static const struct option_rule find_options[] = {LIMIT, {0}};
#define OUT                                                                                                                                \
    {                                                                                                                                      \
        "out", OPTION_ONE, "FILE", N_("into this file (also -o), whole or not at all")                                                     \
    }
static const struct option_rule show_options[] = {
    {"format", OPTION_ONE, "F", N_("as a document: json ndjson csv iodef iodef-json stix misp xarf")}, OUT, {0}};
static const struct option_rule indicator_add_options[] = {
    {"case", OPTION_ONE, "CASE", N_("the case that says why")},
    REASON,
    {"type", OPTION_ONE, "TYPE", N_("where it does not show: filename, user-agent, ...")},
    {"role", OPTION_ONE, "ROLE", N_("source, infrastructure (if not given) or other")},
    {"tlp", OPTION_ONE, "LABEL", N_("its label; else what was reported of it, or the case's")},
    {"confidence", OPTION_ONE, "N", N_("how sure, 0 to 100")},
    {"until", OPTION_ONE, "T", N_("when it ends: 30d, friday, 2026-12-01")},
    {0}};
static const struct option_rule indicator_rm_options[] = {
    REASON, {"type", OPTION_ONE, "TYPE", N_("where it does not show: filename, user-agent, ...")}, {0}};
static const struct option_rule export_options[] = {
    {"format", OPTION_ONE, "F", N_("csv stix misp rpz suricata blocklist-ip ...; a wrong one lists all")},
    {"tlp", OPTION_ONE, "LABEL", N_("nothing stricter; else green. amber is a lead's to give")},
    OUT,
    {"sid", OPTION_ONE, "N", N_("the first rule's number of suricata (1000000)")},
    {0}};
static const struct option_rule edit_options[] = {REVISION, {0}};
static const struct option_rule evidence_options[] = {{"tlp", OPTION_ONE, "LABEL", N_("of what is added; else the case's")}, FIELDS, {0}};
static const struct option_rule reason_options[] = {REASON, REVISION, {0}};
static const struct option_rule take_options[] = {
    {"steal", OPTION_SWITCH, NULL, N_("also from its owner; needs -m")}, REASON, REVISION, {0}};
static const struct option_rule escalate_options[] = {
    {"to", OPTION_ONE, "LEVEL|WHO", N_("lead, duty or a login; else the next level")}, REASON, REVISION, {0}};
static const struct option_rule task_options[] = {{"due", OPTION_ONE, "TIME", N_("until when: 4h, tomorrow, 2026-12-01")}, REVISION, {0}};
static const struct option_rule note_options[] = {
    {"message", OPTION_ONE, "TEXT", N_("the note (also -m); else $EDITOR, or standard input")},
    {"tlp", OPTION_ONE, "LABEL", N_("its label; else the case's")},
    {"share", OPTION_SWITCH, NULL, N_("may go with shares; else it stays home")},
    REVISION,
    {0}};
static const struct option_rule wait_options[] = {{"for", OPTION_ONE, "WHO", N_("whose answer")},
                                                  {"until", OPTION_ONE, "T", N_("2h, 14:00, tomorrow, friday, 2026-12-01")},
                                                  REVISION,
                                                  {0}};
static const struct option_rule close_options[] = {
    {"as", OPTION_ONE, "RESOLUTION", N_("fixed mitigated false-positive not-ours no-answer duplicate")},
    {"message", OPTION_ONE, "TEXT", N_("a last note (also -m); stays home")},
    {"tell-reporters", OPTION_SWITCH, NULL, N_("and write to everyone who reported to it, once each, in their language")},
    {"tell", OPTION_ONE, "TEXT", N_("what to tell them besides")},
    STRICT,
    {"dry-run", OPTION_SWITCH, NULL, N_("show who would be told; close nothing, send nothing")},
    YES,
    REVISION,
    {0}};
#define MAIL_OPTIONS                                                                                                                       \
    {"message", OPTION_ONE, "TEXT", N_("the text (also -m); else $EDITOR, or standard input")},                                            \
        {"cc", OPTION_WORDS, "WHOM...", N_("who gets it too")},                                                                            \
        {"bcc", OPTION_WORDS, "WHOM...", N_("and who unseen, each a mail of his own")},                                                    \
        {"subject", OPTION_ONE, "TEXT", N_("else the thread's")}, {"tlp", OPTION_ONE, "LABEL", N_("else the thread's")},                   \
        {"lang", OPTION_ONE, "LANGUAGE", N_("else the contact's")}, {"attach", OPTION_WORDS, "FILE...", N_("files to send along")},        \
        {"evidence", OPTION_MANY, "N...", N_("evidence of the case to send along")}, STRICT, DRY, YES
static const struct option_rule reply_options[] = {
    {"thread", OPTION_ONE, "T", N_("which one, where there are several (t3, or an address)")},
    {"answer", OPTION_ONE, "REPORT", N_("what it answers; else the newest")},
    MAIL_OPTIONS,
    {0}};
static const struct option_rule mail_options[] = {
    {"to", OPTION_WORDS, "WHOM...", N_("'Name <address>' or address")},
    {"thread", OPTION_ONE, "T", N_("instead of --to: a thread of the case")},
    {"template", OPTION_ONE, "NAME", N_("notice question closing, or one of your own; -m goes into it")},
    MAIL_OPTIONS,
    {0}};
static const struct option_rule notify_options[] = {
    {"to", OPTION_WORDS, "WHOM...", N_("instead of the contacts of the case's constituent")}, MAIL_OPTIONS, {0}};
static const struct option_rule draft_ls_options[] = {
    {"all", OPTION_SWITCH, NULL, N_("all mail, whatever became of it")}, LIMIT, FIELDS, {0}};
static const struct option_rule draft_edit_options[] = {
    {"to", OPTION_WORDS, "WHOM...", N_("what an option names is changed without $EDITOR")},
    {"message", OPTION_ONE, "TEXT", N_("the text (also -m)")},
    {"cc", OPTION_WORDS, "WHOM...", N_("who gets it too")},
    {"bcc", OPTION_WORDS, "WHOM...", N_("and who unseen")},
    {"subject", OPTION_ONE, "TEXT", N_("the subject")},
    {"tlp", OPTION_ONE, "LABEL", N_("its label")},
    {"lang", OPTION_ONE, "LANGUAGE", N_("its language")},
    {0}};
static const struct option_rule draft_send_options[] = {STRICT, DRY, YES, {0}};
static const struct option_rule submit_options[] = {
    {"format", OPTION_ONE, "F",
     N_("json ndjson shadowserver csv:NAME iodef iodef-json xarf rid mail csaf idea intelmq misp n6 stix; else found out")},
    {"tlp", OPTION_ONE, "LABEL", N_("for a document without one; never widens")},
    {"name", OPTION_ONE, "N", N_("the file's name, where it says something (Shadowserver)")},
    {"wait", OPTION_SWITCH, NULL, N_("until it has been triaged")},
    {"strict", OPTION_SWITCH, NULL, N_("exit 5 when any row was rejected")},
    {0}};
static const struct option_rule new_options[] = {
    {"channel", OPTION_ONE, "CHANNEL", N_("phone walk-in chat letter")},
    {"message", OPTION_ONE, "TEXT", N_("the description (also -m) instead of the form in $EDITOR")},
    {"tlp", OPTION_ONE, "LABEL", N_("its label")},
    {"wait", OPTION_SWITCH, NULL, N_("until it has been triaged")},
    {0}};
static const struct option_rule share_options[] = {
    {"with", OPTION_MANY, "PEER...", N_("to whom")},
    {"only", OPTION_ONE, "FILTER", N_("only items that fit")},
    {"tlp", OPTION_ONE, "LABEL", N_("nothing stricter than this")},
    {"format", OPTION_ONE, "FORMAT", N_("rid iodef iodef-json stix misp xarf json ndjson; else what the peer's record says")},
    {"by", OPTION_ONE, "WAY", N_("https, or mail to the address of its record; else https where its record has an address for that")},
    {"dry-run", OPTION_SWITCH, NULL, N_("show per item what would go and why not; send nothing")},
    {"wait", OPTION_SWITCH, NULL, N_("until the peer has acknowledged, or the MTA took the mail")},
    {0}};
static const struct option_rule accept_options[] = {{"case", OPTION_ONE, "CASE", N_("add it to this case instead of opening one")}, {0}};
static const struct option_rule decline_options[] = {REASON, {0}};
static const struct option_rule feed_run_options[] = {
    {"wait", OPTION_SWITCH, NULL, N_("until it was fetched, or failed")},
    {0},
};
static const struct option_rule replay_options[] = {
    {"format", OPTION_ONE, "F", N_("read it as this format from now on: what was named at first was wrong")},
    {"dry-run", OPTION_SWITCH, NULL, N_("show which they are; change nothing")},
    YES,
    {0}};
static const struct option_rule accept_reports_options[] = {
    {"dry-run", OPTION_SWITCH, NULL, N_("show which they are; change nothing")}, YES, {0}};
static const struct option_rule reject_reports_options[] = {
    REASON, {"dry-run", OPTION_SWITCH, NULL, N_("show which they are; change nothing")}, YES, {0}};
static const struct option_rule mapping_try_options[] = {{"file", OPTION_ONE, "FILE", N_("the mapping (docs/FORMATS.md, csv)")},
                                                         {"limit", OPTION_ONE, "N", N_("how many observations are shown (10)")},
                                                         {0}};
static const struct option_rule report_show_options[] = {{"limit", OPTION_ONE, "N", N_("how many observations (10)")},
                                                         {"all", OPTION_SWITCH, NULL, N_("all observations, at most 10,000")},
                                                         {0}};
static const struct option_rule journal_options[] = {
    {"export", OPTION_SWITCH, NULL, N_("all entries with hashes, commitments and salts, for a check without our code")},
    LIMIT,
    FIELDS,
    {0}};
static const struct option_rule watch_options[] = {
    {"interval", OPTION_ONE, "S", N_("seconds between looks (2)")},
    {"after", OPTION_ONE, "CURSOR", N_("start there: the cursor of a line of --json; else now")},
    {"once", OPTION_SWITCH, NULL, N_("what came after that, then end")},
    {0}};
static const struct option_rule rm_options[] = {YES, {0}};
static const struct option_rule test_options[] = {
    {"waiting", OPTION_ONE, "RULES", N_("instead of a file: what of that set waits for a second person")},
    {"against", OPTION_ONE, "WHAT", N_("a report (r81) or 'last 7d'")},
    {"as", OPTION_ONE, "RULES", N_("the set it would replace; else by the file's name")},
    {0}};
static const struct option_rule swallowed_options[] = {LIMIT, FIELDS, {"since", OPTION_ONE, "TIME", N_("how far back: 7d, 12h")}, {0}};
static const struct option_rule pin_options[] = {
    {"contact", OPTION_ONE, "ADDRESS", N_("to whom writes from and reads at this address")},
    {"peer", OPTION_ONE, "PEER", N_("to a peer: takes two persons, one of them a lead or admin")},
    {"analyst", OPTION_ONE, "LOGIN", N_("to one of us: an admin does")},
    {"mail", OPTION_MANY, "ADDRESS...", N_("further addresses it counts for; of a peer: these instead of its record's")},
    {"yes", OPTION_SWITCH, NULL, N_("do not ask; needs the whole fingerprint")},
    {0}};
static const struct option_rule expiring_options[] = {
    {"within", OPTION_ONE, "TIME", N_("30d (where it is not given), 8w")}, LIMIT, FIELDS, {0}};
static const struct option_rule waiver_options[] = {
    {"up-to", OPTION_ONE, "LABEL", N_("the strictest label that may go in clear: clear green amber")},
    {"until", OPTION_ONE, "DAY", N_("last day, within two years")},
    REASON,
    {"end", OPTION_SWITCH, NULL, N_("end it now")},
    {0}};
static const struct option_rule help_options[] = {{"man", OPTION_SWITCH, NULL, N_("the man page, in troff")}, {0}};

/* clang-format off */
/*
 * To add a command: a row here, its function in <noun>_cmd.c. Help, completion, man page and usage errors come from the row;
 * tests/checks/help.sh fails until it has a summary and an example.
 */
const struct command commands_table[] = {
    {"ls", case_cmd_ls, COMMAND_DESK, "[FILTER]", 0, COMMAND_MANY, ls_options, N_("list cases; without a filter what needs you"),
     {"cirt",
      "cirt ls is:open",
      "cirt ls is:open owner:none priority:high..",
      "cirt ls -tag:noise domain:bank.example --sort opened",
      "cirt ls is:any --limit 500 --json"}, NULL, false},
    {"show", case_cmd_show, COMMAND_DESK, "CASE", 1, 1, show_options, N_("all about a case"),
     {"cirt 42", "cirt show XX-CERT-2026-000042", "cirt show 42 --exact --raw", "cirt show 42 --format stix -o case-42.json"}, NULL, false},
    {"find", find_cmd_find, COMMAND_DESK, "VALUE", 1, COMMAND_MANY, find_options, N_("all about an address, network, domain, hash or text"),
     {"cirt find 198.51.100.7",
      "cirt find 198.51.100.0/24",
      "cirt find 'hxxp://login[.]bank[.]example/x'",
      "cirt find ransom note"}, NULL, false},
    {"watch", journal_cmd_watch, COMMAND_DESK, "", 0, 0, watch_options, N_("what changes, as it changes"),
     {"cirt watch", "cirt watch --json --interval 5"}, NULL, false},
    {"journal verify", journal_cmd_verify, COMMAND_DESK, "[CASE]", 0, 1, NULL, N_("check that nobody changed the journal"),
     {"cirt journal verify", "cirt journal verify 42"}, NULL, false},
    {"journal", journal_cmd_journal, COMMAND_DESK, "CASE", 1, 1, journal_options, N_("the history of a case"),
     {"cirt journal 42", "cirt journal 42 --export > case-42.json"}, NULL, false},
    {"evidence", evidence_cmd_evidence, COMMAND_DESK, "CASE [ls|add FILE|get N|verify]", 1, 3, evidence_options, N_("files kept with a case: what its mails brought, what was added"),
     {"cirt evidence 42", "cirt evidence 42 get e7 > invoice.doc", "cirt evidence 42 add disk.img.gz --tlp amber", "cirt evidence 42 verify"}, NULL, false},
    {"take", case_cmd_take, COMMAND_DESK, "CASE", 1, 1, take_options, N_("make a case yours"),
     {"cirt take 42", "cirt take 42 --steal -m 'Ama is ill'"}, NULL, false},
    {"assign", case_cmd_assign, COMMAND_DESK, "CASE WHO", 2, 2, edit_options, N_("give a case to somebody"),
     {"cirt assign 42 analyst"}, NULL, false},
    {"unassign", case_cmd_unassign, COMMAND_DESK, "CASE", 1, 1, edit_options, N_("take the owner away"),
     {"cirt unassign 42"}, NULL, false},
    {"escalate", case_cmd_escalate, COMMAND_DESK, "CASE", 1, 1, escalate_options, N_("raise a case to a level or a person"),
     {"cirt escalate 42 -m 'bank confirms losses'", "cirt escalate 42 --to duty -m 'spreads tonight'"}, NULL, false},
    {"priority", case_cmd_priority, COMMAND_DESK, "CASE critical|high|medium|low", 2, 2, edit_options, N_("set the urgency"),
     {"cirt priority 42 high"}, NULL, false},
    {"summary", case_cmd_summary, COMMAND_DESK, "CASE TEXT", 2, 2, edit_options, N_("call a case something else"),
     {"cirt summary 42 'Phishing of Bank B, kit on 3 hosts'"}, NULL, false},
    {"classify", case_cmd_classify, COMMAND_DESK, "CASE CLASS", 2, 2, edit_options, N_("set the class (RSIT)"),
     {"cirt classify 42 fraud/phishing", "cirt classify 42 ransomware"}, NULL, false},
    {"tlp", case_cmd_tlp, COMMAND_DESK, "CASE clear|green|amber|amber+strict|red", 2, 2, edit_options, N_("set the label"),
     {"cirt tlp 42 amber+strict"}, NULL, false},
    {"tag", case_cmd_tag, COMMAND_DESK, "CASE +T|-T...", 2, COMMAND_MANY, edit_options, N_("add and remove tags"),
     {"cirt tag 42 +bank +press", "cirt tag 42 -noise"}, NULL, false},
    {"note", case_cmd_note, COMMAND_DESK, "CASE", 1, 1, note_options, N_("write a note"),
     {"cirt note 42 -m 'called the bank'", "cirt note 42 -m 'block it' --tlp green --share", "cirt note 42"}, NULL, false},
    {"task", case_cmd_task, COMMAND_DESK, "CASE [ls|add TEXT...|done N]", 1, COMMAND_MANY, task_options, N_("what is to be done in a case"),
     {"cirt task 42", "cirt task 42 add 'ask the host to take it down' --due 4h", "cirt task 42 done 1"}, NULL, false},
    {"state", case_cmd_state, COMMAND_DESK, "CASE STATE", 2, 2, edit_options, N_("move to another state"),
     {"cirt state 42 open", "cirt state 42 resolved"}, NULL, false},
    {"wait", case_cmd_wait, COMMAND_DESK, "CASE", 1, 1, wait_options, N_("wait for somebody until a time"),
     {"cirt wait 42 --for 'Telecom A' --until friday"}, NULL, false},
    {"close", case_cmd_close, COMMAND_DESK, "CASE", 1, 1, close_options, N_("close with a resolution"),
     {"cirt close 42 --as fixed",
      "cirt close 42 --as not-ours -m 'passed to YY-CERT'",
      "cirt close 42 --as fixed --tell-reporters --tell 'The site is offline.'"}, NULL, false},
    {"reopen", case_cmd_reopen, COMMAND_DESK, "CASE", 1, 1, reason_options, N_("open again"),
     {"cirt reopen 42 -m 'it is back'"}, NULL, false},
    {"submit", submit_cmd_submit, COMMAND_DESK, "FILE|-", 1, 1, submit_options, N_("send a report"),
     {"cirt submit incident.xml",
      "cirt submit 2026-11-21-scan_http-xx.csv.gz --wait",
      "cirt --profile feed submit - --format ndjson < reports.ndjson"}, NULL, false},
    {"report new", submit_cmd_report_new, COMMAND_DESK, "", 0, 0, new_options, N_("write down what somebody told you"),
     {"cirt report new --channel phone", "cirt report new --channel walk-in -m 'Laptop encrypted, note on the screen'"}, NULL, false},
    {"report ls", report_cmd_ls, COMMAND_DESK, "[FILTER]", 0, COMMAND_MANY, list_options, N_("list reports"),
     {"cirt report ls", "cirt report ls state:malformed", "cirt report ls sender:feed received:today"}, NULL, false},
    {"report show", report_cmd_show, COMMAND_DESK, "REPORT", 1, 1, report_show_options, N_("all about a report"),
     {"cirt report show r81", "cirt report show r81 --limit 50"}, NULL, false},
    {"report raw", report_cmd_raw, COMMAND_DESK, "REPORT", 1, 1, NULL, N_("its bytes as they came"),
     {"cirt report raw r81 > r81.eml"}, NULL, false},
    {"report replay", report_cmd_replay, COMMAND_DESK, "REPORT...|FILTER", 1, COMMAND_MANY, replay_options, N_("read again what was malformed, after a fix"),
     {"cirt report replay r90", "cirt report replay r90 --format json", "cirt report replay sender:sensors --dry-run"}, NULL, false},
    {"report verify", verify_cmd_report, COMMAND_DESK, "REPORT", 1, 1, NULL, N_("open and verify a mail again, by the keys of now"),
     {"cirt report verify r81"}, NULL, false},
    {"report accept", report_cmd_accept, COMMAND_DESK, "REPORT...|FILTER", 1, COMMAND_MANY, accept_reports_options, N_("let held reports go on to triage"),
     {"cirt report accept r81 r84", "cirt report accept signer:cert-bb --dry-run", "cirt report accept 'author:team@cert-bb.example' --yes"}, NULL, false},
    {"report reject", report_cmd_reject, COMMAND_DESK, "REPORT...|FILTER", 1, COMMAND_MANY, reject_reports_options, N_("turn held reports away; nothing is deleted"),
     {"cirt report reject r81 -m 'a test'", "cirt report reject spam:yes received:..7d -m spam --yes", "cirt report reject kind:auto-reply -m 'out of office' --dry-run"}, NULL, false},
    {"reply", mail_cmd_reply, COMMAND_DESK, "CASE", 1, 1, reply_options, N_("answer who reported, signed, encrypted where that can be"),
     {"cirt reply 42", "cirt reply 42 --thread alice@yy.example -m 'Received, thank you.'", "cirt reply 42 --dry-run -m 'Which host was it?'"},
     NULL, false},
    {"mail", mail_cmd_mail, COMMAND_DESK, "CASE", 1, 1, mail_options, N_("write to anybody about a case"),
     {"cirt mail 42 --to 'Alice <alice@yy.example>' --subject 'Logs of 20 November'",
      "cirt mail 42 --to noc@telecom-a.example --template question -m 'Who had 198.51.100.7 at 10:12 UTC?'",
      "cirt mail 42 --thread t3 --attach hosts.csv --tlp green"}, NULL, false},
    {"notify", mail_cmd_notify, COMMAND_DESK, "CASE", 1, 1, notify_options, N_("tell the owner of what is affected"),
     {"cirt notify 42 --dry-run", "cirt notify 42", "cirt notify 42 --to noc@telecom-a.example --yes -m 'Please block it today.'"}, NULL, false},
    {"mails", mail_cmd_mails, COMMAND_DESK, "CASE", 1, 1, NULL, N_("the correspondence of a case, thread by thread"),
     {"cirt mails 42"}, NULL, false},
    {"recall", mail_cmd_recall, COMMAND_DESK, "MAIL", 1, 1, NULL, N_("take a mail back while it has not left (60 s)"),
     {"cirt recall m12"}, NULL, false},
    {"draft ls", mail_cmd_draft_ls, COMMAND_DESK, "", 0, 0, draft_ls_options, N_("list mail that was not sent"),
     {"cirt draft ls", "cirt draft ls --all"}, NULL, false},
    {"draft show", mail_cmd_draft_show, COMMAND_DESK, "MAIL", 1, 1, NULL, N_("one mail, sent or not"),
     {"cirt draft show m12"}, NULL, false},
    {"draft edit", mail_cmd_draft_edit, COMMAND_DESK, "MAIL", 1, 1, draft_edit_options, N_("change one, in $EDITOR or by options"),
     {"cirt draft edit m12", "cirt draft edit m12 --to alice@yy.example --tlp green", "cirt draft edit m12 < kept.txt"}, NULL, false},
    {"draft send", mail_cmd_draft_send, COMMAND_DESK, "MAIL", 1, 1, draft_send_options, N_("look at one, then send it"),
     {"cirt draft send m12", "cirt draft send m12 --dry-run"}, NULL, false},
    {"draft rm", mail_cmd_draft_rm, COMMAND_DESK, "MAIL", 1, 1, rm_options, N_("throw one away"),
     {"cirt draft rm m12 --yes"}, NULL, false},
    {"indicator ls", find_cmd_indicators, COMMAND_DESK, "[FILTER]", 0, COMMAND_MANY, list_options, N_("list indicators"),
     {"cirt indicator ls", "cirt indicator ls tlp:clear..green --json"}, NULL, false},
    {"indicator add", indicator_cmd_add, COMMAND_DESK, "VALUE...", 1, COMMAND_MANY, indicator_add_options, N_("mark values for detection, in a case"),
     {"cirt indicator add kit.example.net 192.0.2.17 --case 42 --until 30d --confidence 80 -m 'hosts the kit'",
      "cirt indicator add invoice.exe --type filename --case 42 --tlp green -m 'what the mail brings'"}, NULL, false},
    {"indicator rm", indicator_cmd_rm, COMMAND_DESK, "VALUE...", 1, COMMAND_MANY, indicator_rm_options, N_("take marks away, an analyst's and those of reports"),
     {"cirt indicator rm cdn.example.net -m 'shared by thousands'"}, NULL, false},
    {"indicator export", indicator_cmd_export, COMMAND_DESK, "[FILTER]", 0, COMMAND_MANY, export_options, N_("write indicators as a list or document for others"),
     {"cirt indicator export --format rpz -o rpz.zone",
      "cirt indicator export type:ipv4,ipv6,cidr --format blocklist-ip",
      "cirt indicator export class:phishing --format stix --tlp amber -o phishing.json",
      "cirt indicator export expires:2026-01-01.. --format csv"}, NULL, false},
    {"share", share_cmd_share, COMMAND_DESK, "CASE", 1, 1, share_options, N_("give a case to peers, no more than may go"),
     {"cirt share 42 --with YY-CERT --dry-run",
      "cirt share 42 --with YY-CERT ZZ-CERT",
      "cirt share 42 --with YY-CERT --only type:ipv4 --tlp green",
      "cirt share 42 --with YY-CERT --by mail --format stix --dry-run"}, NULL, false},
    {"shares", share_cmd_shares, COMMAND_DESK, "[CASE]", 0, 1, list_options, N_("what was shared and how it fares"),
     {"cirt shares", "cirt shares 42"}, NULL, false},
    {"incoming ls", share_cmd_incoming_ls, COMMAND_DESK, "", 0, 0, list_options, N_("what peers sent"),
     {"cirt incoming ls"}, NULL, false},
    {"incoming show", share_cmd_incoming_show, COMMAND_DESK, "INCOMING", 1, 1, NULL, N_("one document of a peer"),
     {"cirt incoming show i3"}, NULL, false},
    {"incoming accept", share_cmd_incoming_accept, COMMAND_DESK, "INCOMING", 1, 1, accept_options,
     N_("make a case of it, or add it to one"),
     {"cirt incoming accept i3", "cirt incoming accept i3 --case 42"}, NULL, false},
    {"incoming decline", share_cmd_incoming_decline, COMMAND_DESK, "INCOMING", 1, 1, decline_options, N_("decline it with a reason"),
     {"cirt incoming decline i3 -m 'not our network'"}, NULL, false},
    {"key ls", key_cmd_ls, COMMAND_DESK, "[WORD]", 0, 1, list_options, N_("keys for mail: others' and our own"),
     {"cirt key ls", "cirt key ls asked", "cirt key ls candidate", "cirt key ls YY-CERT"}, NULL, false},
    {"key show", key_cmd_show, COMMAND_DESK, "KEY", 1, COMMAND_MANY, NULL, N_("one key, all digits of its fingerprint"),
     {"cirt key show 1C2D5F6E77889900", "cirt key show team@yy-cert.example"}, NULL, false},
    {"key import", key_cmd_import, COMMAND_DESK, "FILE...", 1, COMMAND_MANY, NULL, N_("bring in keys or certificates as candidates"),
     {"cirt key import team.asc", "cirt key import soc.crt list.p7b"}, NULL, false},
    {"key pin", key_cmd_pin, COMMAND_DESK, "KEY", 1, COMMAND_MANY, pin_options, N_("let a key count, after comparing its fingerprint"),
     {"cirt key pin 1C2D5F6E77889900 --contact soc@bank-b.example",
      "cirt key pin 1C2D5F6E77889900 --peer YY-CERT"}, NULL, false},
    {"key distrust", key_cmd_distrust, COMMAND_DESK, "KEY", 1, COMMAND_MANY, decline_options, N_("let a key count nowhere from now on"),
     {"cirt key distrust 1C2D5F6E77889900 -m 'laptop stolen'"}, NULL, false},
    {"key expiring", key_cmd_expiring, COMMAND_DESK, "", 0, 0, expiring_options, N_("keys of ours and pinned ones that end soon"),
     {"cirt key expiring", "cirt key expiring --within 90d"}, NULL, false},
    {"key export", key_cmd_export, COMMAND_DESK, "[KEY]", 0, COMMAND_MANY, NULL, N_("our public keys, or another one, as text"),
     {"cirt key export > xx-cert.asc", "cirt key export team@yy-cert.example"}, NULL, false},
    {"key refresh", key_cmd_refresh, COMMAND_DESK, "FILE...", 1, COMMAND_MANY, NULL, N_("take newer copies of known keys: new end, revocation"),
     {"cirt key refresh team.asc"}, NULL, false},
    {"contact waiver", contact_cmd_waiver, COMMAND_DESK, "ADDRESS", 1, 1, waiver_options, N_("let mail to a contact go in clear up to a label"),
     {"cirt contact waiver soc@bank-b.example --up-to amber --until 2027-03-31 -m 'agreed by phone'",
      "cirt contact waiver soc@bank-b.example --end"}, NULL, false},
    {"contact ls", contact_cmd_ls, COMMAND_DESK, "[WORD]", 0, COMMAND_MANY, list_options, N_("list contacts: whom we write with"),
     {"cirt contact ls", "cirt contact ls bank-b"}, &record_kind_contact, false},
    {"contact show", contact_cmd_show, COMMAND_DESK, "ADDRESS", 1, 1, NULL, N_("all about one"),
     {"cirt contact show soc@bank-b.example"}, &record_kind_contact, false},
    {"contact add", record_cmd_add, COMMAND_DESK, "ADDRESS", 1, 1, record_kind_contact_options, N_("vouch for one that no record names"),
     {"cirt contact add reporter@example.net --name 'A. Reporter' --lang fr"}, &record_kind_contact, false},
    {"contact set", record_cmd_set, COMMAND_DESK, "ADDRESS", 1, 1, record_kind_contact_options, N_("change what the options name; 'none' takes a value away"),
     {"cirt contact set soc@bank-b.example --lang fr", "cirt contact set soc@bank-b.example --bounced no"}, &record_kind_contact, false},
    {"contact rm", record_cmd_rm, COMMAND_DESK, "ADDRESS", 1, 1, rm_options, N_("remove one; what was ever used is only disabled"),
     {"cirt contact rm reporter@example.net --yes"}, &record_kind_contact, false},
    {"peer waiver", contact_cmd_peer_waiver, COMMAND_DESK, "PEER", 1, 1, waiver_options, N_("let mail to a peer go in clear up to a label"),
     {"cirt peer waiver YY-CERT --up-to amber --until 2027-03-31 -m 'MoU section 4'", "cirt peer waiver YY-CERT --end"}, NULL, false},
    {"peer ls", record_cmd_ls, COMMAND_DESK, "", 0, 0, record_ls_options, N_("list peers: other CIRTs, known by their keys"),
     {"cirt peer ls"}, &record_kind_peer, false},
    {"peer show", record_cmd_show, COMMAND_DESK, "PEER", 1, 1, NULL, N_("all about one"),
     {"cirt peer show YY-CERT"}, &record_kind_peer, false},
    {"peer add", record_cmd_add, COMMAND_DESK, "PEER", 1, 1, record_kind_peer_options, N_("register one"),
     {"cirt peer add YY-CERT --url https://yy.example --rid-url https://yy.example:4590 --ca yy-ca.crt --key yy-push.crt"},
     &record_kind_peer, false},
    {"peer set", record_cmd_set, COMMAND_DESK, "PEER", 1, 1, record_kind_peer_options,
     N_("change what the options name; lists are replaced, 'none' takes a value away"),
     {"cirt peer set YY-CERT --enabled no"}, &record_kind_peer, false},
    {"peer rm", record_cmd_rm, COMMAND_DESK, "PEER", 1, 1, rm_options, N_("remove one; what was ever used is only disabled"),
     {"cirt peer rm YY-CERT --yes"}, &record_kind_peer, false},
    {"agreement ls", record_cmd_ls, COMMAND_DESK, "", 0, 0, record_ls_options, N_("list agreements with peers: what may go"),
     {"cirt agreement ls"}, &record_kind_agreement, false},
    {"agreement show", record_cmd_show, COMMAND_DESK, "AGREEMENT", 1, 1, NULL, N_("all about one"),
     {"cirt agreement show a1"}, &record_kind_agreement, false},
    {"agreement add", record_cmd_add, COMMAND_DESK, "PEER", 0, 1, record_kind_agreement_options, N_("register one"),
     {"cirt agreement add YY-CERT --ceiling amber --until 2027-03-31"}, &record_kind_agreement, false},
    {"agreement set", record_cmd_set, COMMAND_DESK, "AGREEMENT", 1, 1, record_kind_agreement_options,
     N_("change what the options name; lists are replaced, 'none' takes a value away"),
     {"cirt agreement set a1 --until 2028-03-31"}, &record_kind_agreement, false},
    {"agreement rm", record_cmd_rm, COMMAND_DESK, "AGREEMENT", 1, 1, rm_options, N_("remove one; what was ever used is only disabled"),
     {"cirt agreement rm a1 --yes"}, &record_kind_agreement, false},
    {"constituent ls", record_cmd_ls, COMMAND_DESK, "[WORD]", 0, COMMAND_MANY, record_ls_options, N_("list constituents: who we serve"),
     {"cirt constituent ls", "cirt constituent ls telecom"}, &record_kind_constituent, false},
    {"constituent show", constituent_cmd_show, COMMAND_DESK, "CONSTITUENT", 1, 1, constituent_cmd_show_options, N_("all about one"),
     {"cirt constituent show telecom-a", "cirt constituent show telecom-a --history", "cirt constituent show telecom-a --at 2026-01-31"},
     &record_kind_constituent, false},
    {"constituent who", constituent_cmd_who, COMMAND_DESK, "VALUE", 1, 1, constituent_cmd_who_options,
     N_("whose an address, network, AS number, domain or URL is, and why"),
     {"cirt constituent who 198.51.100.7", "cirt constituent who www.bank.example --at 2026-01-31"}, NULL, false},
    {"constituent import", constituent_cmd_import, COMMAND_DESK, "FILE", 1, 1, constituent_cmd_import_options,
     N_("bring in many from CSV or JSON; shows what would change first"),
     {"cirt constituent import register.csv --dry-run", "cirt constituent import register.csv --prune --yes"}, NULL, false},
    {"constituent export", constituent_cmd_export, COMMAND_DESK, "", 0, 0, constituent_cmd_export_options,
     N_("all of them with their history, as import reads it"),
     {"cirt constituent export > register.csv", "cirt constituent export --format json > register.json"}, NULL, false},
    {"constituent add", record_cmd_add, COMMAND_DESK, "CONSTITUENT", 1, 1, record_kind_constituent_options, N_("register one"),
     {"cirt constituent add telecom-a --network 198.51.100.0/24 --asn 64500 --contact 'Abuse <abuse@telecom-a.example>'"},
     &record_kind_constituent, false},
    {"constituent set", record_cmd_set, COMMAND_DESK, "CONSTITUENT", 1, 1, record_kind_constituent_options,
     N_("change what the options name; lists are replaced, 'none' takes a value away"),
     {"cirt constituent set telecom-a --domain telecom-a.example"}, &record_kind_constituent, false},
    {"constituent rm", record_cmd_rm, COMMAND_DESK, "CONSTITUENT", 1, 1, rm_options, N_("remove one; what was ever used is only disabled"),
     {"cirt constituent rm telecom-a --yes"}, &record_kind_constituent, false},
    {"setting ls", setting_cmd_ls, COMMAND_DESK, "", 0, 0, fields_options, N_("what this site decides on, with the defaults"),
     {"cirt setting ls"}, NULL, false},
    {"setting set", setting_cmd_set, COMMAND_DESK, "SETTING [VALUE...]", 1, COMMAND_MANY, setting_cmd_set_options, N_("change one"),
     {"cirt setting set related.cases 20", "cirt setting set priority.sectors energy health water", "cirt setting set related.cases --default"},
     NULL, false},
    {"mapping ls", record_cmd_ls, COMMAND_DESK, "", 0, 0, record_ls_options, N_("list mappings of CSV"),
     {"cirt mapping ls"}, &record_kind_mapping, false},
    {"mapping show", record_cmd_show, COMMAND_DESK, "MAPPING", 1, 1, NULL, N_("all about one"),
     {"cirt mapping show c2-list"}, &record_kind_mapping, false},
    {"mapping add", record_cmd_add, COMMAND_DESK, "MAPPING", 1, 1, record_kind_mapping_options, N_("say what the columns of somebody's CSV mean"),
     {"cirt mapping try c2-list.csv --file c2-list.mapping", "cirt mapping add c2-list --file c2-list.mapping", "cirt submit c2-list.csv --format csv:c2-list"}, &record_kind_mapping, false},
    {"mapping set", record_cmd_set, COMMAND_DESK, "MAPPING", 1, 1, record_kind_mapping_options, N_("change one; reports that were read by it stay as they are"),
     {"cirt mapping set c2-list --file c2-list.mapping", "cirt report replay r90"}, &record_kind_mapping, false},
    {"mapping try", mapping_cmd_try, COMMAND_NOTHING, "FILE", 1, 1, mapping_try_options, N_("see what a mapping makes of a CSV; nothing is stored"),
     {"cirt mapping try c2-list.csv --file c2-list.mapping"}, NULL, false},
    {"mapping rm", record_cmd_rm, COMMAND_DESK, "MAPPING", 1, 1, rm_options, N_("remove one"),
     {"cirt mapping rm c2-list --yes"}, &record_kind_mapping, false},
    {"rule ls", record_cmd_ls, COMMAND_DESK, "", 0, 0, record_ls_options, N_("list rule sets"),
     {"cirt rule ls"}, &record_kind_rule, false},
    {"rule show", record_cmd_show, COMMAND_DESK, "RULES", 1, 1, NULL, N_("all about one"),
     {"cirt rule show triage"}, &record_kind_rule, false},
    {"rule add", record_cmd_add, COMMAND_DESK, "RULES", 1, 1, record_kind_rule_options, N_("register one"),
     {"cirt rule add mine --file mine.rules"}, &record_kind_rule, false},
    {"rule set", record_cmd_set, COMMAND_DESK, "RULES", 1, 1, record_kind_rule_options,
     N_("change what the options name; lists are replaced, 'none' takes a value away"),
     {"cirt rule set triage --file triage.rules"}, &record_kind_rule, false},
    {"rule rm", record_cmd_rm, COMMAND_DESK, "RULES", 1, 1, rm_options, N_("remove one; what was ever used is only disabled"),
     {"cirt rule rm triage --yes"}, &record_kind_rule, false},
    {"class ls", record_cmd_ls, COMMAND_DESK, "", 0, 0, record_ls_options, N_("how machine reports of each class become cases"),
     {"cirt class ls"}, &record_kind_class, false},
    {"class show", record_cmd_show, COMMAND_DESK, "CLASS", 1, 1, NULL, N_("one class, type, or all ('*'), with what waits below its threshold"),
     {"cirt class show scanner", "cirt class show '*'"}, &record_kind_class, false},
    {"class set", record_cmd_set, COMMAND_DESK, "CLASS", 1, 1, record_kind_class_options,
     N_("set numbers of a class, of all of a type, or of all ('*')"),
     {"cirt class set scanner --addresses 5 --window 3", "cirt class set fraud --relapse 30", "cirt class set '*' --sector energy health"},
     &record_kind_class, false},
    {"class rm", record_cmd_rm, COMMAND_DESK, "CLASS", 1, 1, rm_options, N_("back to what holds for the wider ones"),
     {"cirt class rm scanner --yes"}, &record_kind_class, false},
    {"suppression ls", record_cmd_ls, COMMAND_DESK, "", 0, 0, record_ls_options, N_("list what opens no case for a time, and how much that was"),
     {"cirt suppression ls"}, &record_kind_suppression, false},
    {"suppression show", record_cmd_show, COMMAND_DESK, "SUPPRESSION", 1, 1, NULL, N_("one, with the reports it held"),
     {"cirt suppression show our-scanner"}, &record_kind_suppression, false},
    {"suppression add", record_cmd_add, COMMAND_DESK, "NAME", 1, 1, record_kind_suppression_options,
     N_("ask that machine reports open no case until a day, with a reason; a second person approves it"),
     {"cirt suppression add our-scanner --value 192.0.2.7 --class scanner --until 30d --reason 'yearly audit'"}, &record_kind_suppression, false},
    {"suppression approve", rule_cmd_approve, COMMAND_DESK, "SUPPRESSION", 1, 1, rm_options, N_("be the second person for a suppression"),
     {"cirt suppression approve our-scanner"}, &record_kind_suppression, false},
    {"suppression refuse", rule_cmd_refuse, COMMAND_DESK, "SUPPRESSION", 1, 1, decline_options,
     N_("refuse, or take back, a suppression that waits"), {"cirt suppression refuse our-scanner -m 'the whole sector?'"}, &record_kind_suppression, false},
    {"suppression set", record_cmd_set, COMMAND_DESK, "SUPPRESSION", 1, 1, record_kind_suppression_set_options, N_("change its end or its reason; a later end needs a second person"),
     {"cirt suppression set our-scanner --until 60d"}, &record_kind_suppression, false},
    {"suppression rm", record_cmd_rm, COMMAND_DESK, "SUPPRESSION", 1, 1, rm_options, N_("end one now; it stays listed"),
     {"cirt suppression rm our-scanner --yes"}, &record_kind_suppression, false},
    {"analyst ls", record_cmd_ls, COMMAND_DESK, "", 0, 0, record_ls_options, N_("list identities: people and feeds"),
     {"cirt analyst ls"}, &record_kind_analyst, false},
    {"analyst show", record_cmd_show, COMMAND_DESK, "LOGIN", 1, 1, NULL, N_("all about one"),
     {"cirt analyst show ama"}, &record_kind_analyst, false},
    {"analyst add", record_cmd_add, COMMAND_DESK, "LOGIN", 1, 1, record_kind_analyst_options, N_("register one"),
     {"cirt analyst add ama --role analyst --name \"Ama\" --key ama.crt"}, &record_kind_analyst, false},
    {"analyst set", record_cmd_set, COMMAND_DESK, "LOGIN", 1, 1, record_kind_analyst_options,
     N_("change what the options name; lists are replaced, 'none' takes a value away"),
     {"cirt analyst set ama --role lead"}, &record_kind_analyst, false},
    {"analyst rm", record_cmd_rm, COMMAND_DESK, "LOGIN", 1, 1, rm_options, N_("remove one; what was ever used is only disabled"),
     {"cirt analyst rm ama --yes"}, &record_kind_analyst, false},
    {"feed ls", record_cmd_ls, COMMAND_DESK, "", 0, 0, record_ls_options, N_("list feeds: what came from each in the last day, and what is amiss"),
     {"cirt feed ls"}, &record_kind_feed, false},
    {"feed show", feed_cmd_show, COMMAND_DESK, "FEED", 1, 1, NULL, N_("all about one: settings, counts, notices, the last fault"),
     {"cirt feed show shadowserver"}, &record_kind_feed, false},
    {"feed add", record_cmd_add, COMMAND_DESK, "FEED", 1, 1, record_kind_feed_add_options, N_("register one: --push, --drop, --https or --taxii"),
     {"cirt feed add sensors --push --key sensors.crt --tlp green",
      "cirt feed add partner --taxii https://taxii.example/api/collections/91a7b528/ --credentials partner"}, &record_kind_feed, false},
    {"feed set", record_cmd_set, COMMAND_DESK, "FEED", 1, 1, record_kind_feed_set_options, N_("change what the options name; 'none' takes a value away"),
     {"cirt feed set sensors --documents-per-hour 10000 --document-max none"}, &record_kind_feed, false},
    {"feed rm", record_cmd_rm, COMMAND_DESK, "FEED", 1, 1, rm_options, N_("take nothing from it any more; what it brought stays"),
     {"cirt feed rm sensors --yes"}, &record_kind_feed, false},
    {"feed pause", feed_cmd_pause, COMMAND_DESK, "FEED", 1, 1, NULL, N_("take nothing from it for now"),
     {"cirt feed pause sensors"}, NULL, false},
    {"feed resume", feed_cmd_resume, COMMAND_DESK, "FEED", 1, 1, NULL, N_("go on with it"),
     {"cirt feed resume sensors"}, NULL, false},
    {"feed run", feed_cmd_run, COMMAND_DESK, "FEED", 1, 1, feed_run_options, N_("fetch it now"),
     {"cirt feed run blocklist --wait"}, NULL, false},
    {"feed seen", feed_cmd_seen, COMMAND_DESK, "FEED", 1, 1, NULL, N_("its notices were looked at"),
     {"cirt feed seen shadowserver"}, NULL, false},
    {"rule test", rule_cmd_test, COMMAND_DESK, "[FILE]", 0, 1, test_options, N_("try rules without using them"),
     {"cirt rule test triage.rules", "cirt rule test new.rules --as triage --against r81", "cirt rule test --waiting triage --against 'last 7d'"}, NULL, false},
    {"rule approve", rule_cmd_approve, COMMAND_DESK, "RULES", 1, 1, rm_options, N_("be the second person for rules that drop or suppress"),
     {"cirt rule approve triage"}, &record_kind_rule, false},
    {"rule refuse", rule_cmd_refuse, COMMAND_DESK, "RULES", 1, 1, decline_options, N_("refuse, or take back, rules that wait"),
     {"cirt rule refuse triage -m 'drops the whole sector'"}, &record_kind_rule, false},
    {"rule swallowed", rule_cmd_swallowed, COMMAND_DESK, "NAME", 1, 1, swallowed_options, N_("what a rule (or a set) held or dropped"),
     {"cirt rule swallowed 'our scanners'", "cirt rule swallowed triage --since 7d"}, NULL, false},
    {"alias ls", alias_cmd_ls, COMMAND_DESK, "", 0, 0, alias_ls_options, N_("words of senders for classes, beside the built-in ones"),
     {"cirt alias ls", "cirt alias ls --unmapped"}, &record_kind_alias, false},
    {"alias show", record_cmd_show, COMMAND_DESK, "WORD", 1, 1, NULL, N_("which class a word means"),
     {"cirt alias show 'bot infection'"}, &record_kind_alias, false},
    {"alias add", record_cmd_add, COMMAND_DESK, "WORD", 1, 1, record_kind_alias_options, N_("say which class a word means, from now on"),
     {"cirt alias add 'bot infection' --class malicious-code/infected-system"}, &record_kind_alias, false},
    {"alias set", record_cmd_set, COMMAND_DESK, "WORD", 1, 1, record_kind_alias_options, N_("let a word mean another class"),
     {"cirt alias set 'bot infection' --class malicious-code/c2-server"}, &record_kind_alias, false},
    {"alias rm", record_cmd_rm, COMMAND_DESK, "WORD", 1, 1, rm_options, N_("let a word mean nothing beyond what is built in"),
     {"cirt alias rm 'bot infection' --yes"}, &record_kind_alias, false},
    {"warninglist import", warninglist_cmd_import, COMMAND_DESK, "FILE...", 1, COMMAND_MANY, warninglist_options,
     N_("bring in known-good lists (MISP warninglist format), or newer copies"),
     {"cirt warninglist import warninglists/lists/*/list.json", "cirt warninglist import ours.json --name ours"}, NULL, false},
    {"warninglist ls", record_cmd_ls, COMMAND_DESK, "", 0, 0, record_ls_options, N_("list known-good lists, and how much was found on each"),
     {"cirt warninglist ls"}, &record_kind_warninglist, false},
    {"warninglist show", record_cmd_show, COMMAND_DESK, "LIST", 1, 1, NULL, N_("all about one"),
     {"cirt warninglist show rfc1918"}, &record_kind_warninglist, false},
    {"warninglist rm", record_cmd_rm, COMMAND_DESK, "LIST", 1, 1, rm_options, N_("remove one"),
     {"cirt warninglist rm rfc1918 --yes"}, &record_kind_warninglist, false},
    {"rir import", rir_cmd_import, COMMAND_DESK, "FILE...", 1, COMMAND_MANY, NULL,
     N_("bring in the regional registries' files (delegated-extended): the country of addresses and AS numbers"),
     {"cirt rir import delegated-ripencc-extended-latest"}, NULL, false},
    {"rir ls", record_cmd_ls, COMMAND_DESK, "", 0, 0, record_ls_options, N_("list the registries' files: whose, of when, how much"), {"cirt rir ls"}, &record_kind_rir, false},
    {"rir rm", record_cmd_rm, COMMAND_DESK, "REGISTRY", 1, 1, rm_options, N_("remove one"), {"cirt rir rm ripencc --yes"}, &record_kind_rir, false},
    {"doctor", doctor_cmd_doctor, COMMAND_NOTHING, "", 0, 0, NULL, N_("what is wrong, here and there"),
     {"cirt doctor", "cirt --profile admin doctor --json"}, NULL, false},
    {"completion bash", help_cmd_completion, COMMAND_NOTHING, "", 0, 0, NULL, N_("completion for the shell"),
     {"cirt completion bash > ~/.local/share/bash-completion/completions/cirt"}, NULL, false},
    {"version", help_cmd_version, COMMAND_NOTHING, "", 0, 0, NULL, N_("which cirt this is"),
     {"cirt version"}, NULL, false},
    {"help", help_cmd_help, COMMAND_NOTHING, "[COMMAND]", 0, COMMAND_MANY, help_options, N_("help on a command"),
     {"cirt help share", "cirt help --man | man -l -"}, NULL, false},
    {"__complete", help_cmd_complete, COMMAND_NOTHING, "", 0, COMMAND_MANY, NULL, N_("words for the shell"),
     {"cirt __complete sh"}, NULL, true},
};
/* clang-format on */
const size_t commands_count = ARRAY_SIZE(commands_table);

static size_t word_count(const char *words)
{
    return strchr(words, ' ') ? 2 : 1;
}

static bool begins(const struct command *command, const char *const *words, size_t count)
{
    size_t first = strcspn(command->words, " ");

    if (count < word_count(command->words) || strlen(words[0]) != first || strncmp(words[0], command->words, first) != 0)
        return false;
    return command->words[first] == '\0' || strcmp(words[1], command->words + first + 1) == 0;
}

const struct command *commands_find(const char *const *words, size_t count, size_t *used)
{
    const struct command *found = NULL;

    for (size_t i = 0; i < commands_count; i++)
        if (begins(&commands_table[i], words, count) && (!found || word_count(commands_table[i].words) > *used)) {
            found = &commands_table[i];
            *used = word_count(found->words);
        }
    return found;
}

const char *commands_nearest(const char *words)
{
    const char *nearest = NULL;
    unsigned best = 3;

    for (size_t i = 0; i < commands_count; i++) {
        unsigned distance = str_distance(words, commands_table[i].words);
        if (!commands_table[i].is_hidden && distance < best) {
            best = distance;
            nearest = commands_table[i].words;
        }
    }
    return nearest;
}
