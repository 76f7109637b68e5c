/*
 * codec/codec.h - bytes <-> report. Pure: no I/O, no clock, no globals that change.
 *
 * Three shapes of decoder, because a document is one of three things:
 *   whole   one document, one report (JSON, XML, mail); bounded by limits.document_bytes_max
 *   rows    one document, one report, any number of observations (CSV); streamed
 *   lines   one document, a report a line (NDJSON); streamed
 */
#ifndef CIRT_CODEC_CODEC_H
#define CIRT_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/report.h"

/* Bytes. A mail is read by a parser that keeps little; the trees of other documents take several times their size, so that theirs is set.
 */
enum { MAIL_SIZE_MAX = 64 * 1024 * 1024 };

/* Exceeding any is ERR_LIMIT. Zero is not "unlimited". codec_limits_default is what the daemon ships. */
struct codec_limits {
    size_t document_bytes_max; /* of whole documents but mails (MAIL_SIZE_MAX), also of those attached to a mail; of one line or row */
    unsigned depth_max;        /* nesting of JSON, XML and MIME */
    size_t observations_max;   /* of whole documents */
};
extern const struct codec_limits codec_limits_default;

struct mail_hints;

/* What the channel told about the document. All may be NULL. */
struct codec_hints {
    const char *name;              /* file name: Shadowserver puts the report type there */
    const char *media_type;        /* of Content-Type, without parameters */
    const struct mail_hints *mail; /* of a mail whose layers were opened: codec/mail_layers.h */
    const char *mapping;           /* of "csv:NAME": the text of that mapping (codec/csv_mapping.h) */
};

/* Where a streaming decoder hands its results. The callbacks return false to stop, with err set. */
struct codec_sink {
    void *context;
    /* rows: report->observations is a batch of up to CODEC_BATCH; dropped by the decoder after the call. Called at least once (at
     * the end, perhaps empty; also before a header is refused whose columns are known). lines: a complete report of one line; the decoder
     * frees it after the call. first_line is the line number of the (first) row, from 1. bytes/size: for lines, the raw line without its
     * LF; else NULL/0. */
    bool (*on_report)(void *context, struct report *report, size_t first_line, const char *bytes, size_t size, struct err *err);
    /* lines only: one line could not be read; why->at is its place ("line 7"). The rest goes on. */
    bool (*on_bad_line)(void *context, const struct err *why, size_t line, const char *bytes, size_t size, struct err *err);
};
enum { CODEC_BATCH = 1000 };

/* A decoder that was fed part of a document. Opaque, per codec. */
struct codec_stream;

/* A document in the making. Opaque, per codec. */
struct codec_writer;

/* The document is all that was added to now, and behind that all that was added to behind: what belongs to single observations but stands
 * behind all of them (IODEF's indicators, what a report of STIX refers to). */
struct codec_out {
    struct buf *now, *behind;
};

/*
 * Writes a document in pieces, so that one of any length takes no more memory than a piece. The buffers are the same from open to
 * finish; who calls empties them in between as he likes, and looks whether one is full.
 */
struct codec_pieces {
    /* head: all but observations, which are not looked at; lives as long as the writer. NULL where the format cannot say it. */
    struct codec_writer *(*open)(const struct report *head, const struct codec_out *out, struct err *err);
    /* The observations of piece, and its PAP where that is stricter than what was said so far: it is said of the document as a whole. */
    bool (*add)(struct codec_writer *writer, const struct report *piece, const struct codec_out *out, struct err *err);
    bool (*finish)(struct codec_writer *writer, const struct codec_out *out, struct err *err);
    void (*close)(struct codec_writer *writer);
};

enum codec_shape { CODEC_WHOLE, CODEC_ROWS, CODEC_LINES };

struct codec {
    const char *name;       /* "json", "ndjson", "iodef", "shadowserver", "mail", "rid": what ?format= and report.format say */
    const char *media_type; /* the first is what we write: "application/json"; others in media_types_too, separated by blanks */
    const char *media_types_too;
    const char *standard; /* "RFC 7970" */
    const char *summary;  /* one line for help and docs */
    enum codec_shape shape;
    /* How sure the first bytes make it that this is the format: 0 no, 1..100. bytes hold up to 4 KiB from the start of the document. */
    int (*probe)(const char *bytes, size_t size, const struct codec_hints *hints);
    /* whole: on true *out is the caller's. ERR_INPUT with err->at set, or ERR_LIMIT. Unknown content goes to `extra`. */
    bool (*decode)(const char *bytes, size_t size, const struct codec_limits *limits, const struct codec_hints *hints, struct report **out,
                   struct err *err);
    /* rows, lines */
    struct codec_stream *(*open)(const struct codec_limits *limits, const struct codec_hints *hints, const struct codec_sink *sink);
    bool (*feed)(struct codec_stream *stream, const char *bytes, size_t size, struct err *err);
    bool (*finish)(struct codec_stream *stream, struct err *err); /* after the last feed */
    void (*close)(struct codec_stream *stream);                   /* frees; NULL is fine; without finish: gives up */
    /* NULL where the format is only read. Writes one document. */
    bool (*encode)(const struct report *report, struct buf *out, struct err *err);
    const struct codec_pieces *pieces; /* the same in pieces */
};

/*
 * The registry, in order of probing. To add a format, do these things:
 *   1. codec/<name>.c exporting `const struct codec <name>_codec`, declared in codec/codec.c
 *   2. a row in codec_registry[]
 *   3. tests/data/<name>/good/ (with .expected.json beside each) and bad/ (with .error beside each: a part of the message)
 *   4. a row and a section in docs/FORMATS.md, its name in the help of submit --format (cli/commands.c)
 * tests/unit/codec/test_registry.c and tests/checks fail until all are there; the fuzz driver tests/fuzz/fuzz_codec.c picks it up by name.
 */
extern const struct codec *const codec_registry[];
extern const size_t codec_count;

/* NULL where unknown. "csv:NAME" is the codec csv by the mapping of that name, which codec_mapping_name() gives, NULL for others. */
const struct codec *codec_find(const char *name);
const char *codec_mapping_name(const char *format);
/* By media type (no parameters, any case), else NULL. */
const struct codec *codec_find_media_type(const char *media_type);
bool codec_has_media_type(const struct codec *codec, const char *media_type);
/* The codec whose probe is surest, or NULL. */
const struct codec *codec_probe(const char *bytes, size_t size, const struct codec_hints *hints);
/* What is said of bytes that no codec knows: what people have beside documents goes in by these ways. */
#define CODEC_UNKNOWN                                                                                                                      \
    "this is none of the formats we read (docs/FORMATS.md lists them; --format or ?format= names one). A list goes in as csv:NAME by a "   \
    "mapping (cirt help mapping add), words as a mail: a line 'Subject: ...' and an empty one before them, --format mail; a .msg of "      \
    "Outlook when it was saved as .eml"

/* Whole codecs: decode() after checking the size. Streaming ones: runs the stream over the bytes, gathering rows into one report; for
 * `lines` ERR_INPUT unless there is exactly one. For callers that have the whole document at hand (mail attachments, replay, tests). */
bool codec_decode(const struct codec *codec, const char *bytes, size_t size, const struct codec_limits *limits,
                  const struct codec_hints *hints, struct report **out, struct err *err) MUST_CHECK;

/* What encode() is where there are pieces: the whole report as one. ERR_LIMIT where out is full. */
bool codec_write_whole(const struct codec_pieces *pieces, const struct report *report, struct buf *out, struct err *err) MUST_CHECK;
/* The same once it is open (NULL: it could not be, as err says): all of it comes into out->now, and the writer is closed. */
bool codec_write_opened(const struct codec_pieces *pieces, struct codec_writer *writer, const struct report *report,
                        const struct codec_out *out, struct err *err) MUST_CHECK;

#endif
