/* What label a report has: by that of its values, and by its words. */
#include "model/report.h"

void report_settle_label(struct report *report)
{
    for (size_t i = 0; report->tlp < TLP_AMBER && report->tlp != TLP_NONE && i < report->observation_count; i++) {
        const struct observation *observation = &report->observations[i];
        bool is_labelled = observation->sighting_count > 0 || report->observation_count == 1;
        for (size_t k = 0; k < observation->sighting_count; k++)
            is_labelled = is_labelled && observation->sightings[k].tlp != TLP_NONE;
        if (!is_labelled)
            report->tlp = TLP_NONE;
    }
}

enum tlp report_label_agreed(const struct report *report, enum tlp agreed)
{
    if (report->tlp == TLP_NONE)
        return agreed;
    return report->is_partly_labelled ? tlp_strictest(report->tlp, agreed == TLP_NONE ? TLP_AMBER : agreed) : report->tlp;
}

/* --- by its words --- */

/* A wide label among words widens nothing, and is none. */
static enum tlp narrow_label(const char *text)
{
    enum tlp label = tlp_in_text(text);
    return label < TLP_AMBER ? TLP_NONE : label;
}

/* One without a label of its own has the report's. */
static void narrow_values(const struct report *report, struct observation *observation, enum tlp label)
{
    for (size_t i = 0; label != TLP_NONE && i < observation->sighting_count; i++) {
        enum tlp own = observation->sightings[i].tlp, now = own == TLP_NONE ? report->tlp : own;
        if (tlp_strictest(now, label) != now)
            observation->sightings[i].tlp = tlp_strictest(now, label);
    }
}

void report_narrow(struct report *report, enum tlp label)
{
    if (label == TLP_NONE || tlp_strictest(report->tlp, label) == report->tlp)
        return;
    for (size_t i = 0; report->tlp != TLP_NONE && i < report->observation_count; i++)
        for (size_t k = 0; k < report->observations[i].sighting_count; k++)
            if (report->observations[i].sightings[k].tlp == TLP_NONE)
                report->observations[i].sightings[k].tlp = report->tlp;
    report->is_partly_labelled = report->is_partly_labelled || report->tlp == TLP_NONE;
    report->tlp = label;
}

enum tlp report_label_row(const struct report *report, struct observation *observation)
{
    enum tlp label = tlp_strictest(narrow_label(observation->description), narrow_label(observation->extra));
    narrow_values(report, observation, label);
    return label;
}

/* In the report's extra may stand what the format had labels for, of some of the values: they have these. So have they beside words that
 * only repeat the document's label. */
void report_label_words(struct report *report)
{
    enum tlp head = tlp_strictest(narrow_label(report->summary), narrow_label(report->description)), label = TLP_NONE;
    if (head <= report->tlp)
        head = TLP_NONE;
    enum tlp words = tlp_strictest(head, narrow_label(report->extra));
    report->is_partly_labelled = report->is_partly_labelled || (report->tlp == TLP_NONE && words != TLP_NONE);
    report->tlp = tlp_strictest(report->tlp, words);
    for (size_t i = 0; i < report->observation_count; i++) {
        narrow_values(report, &report->observations[i], head);
        label = tlp_strictest(label, report_label_row(report, &report->observations[i]));
    }
    report_narrow(report, label);
}
