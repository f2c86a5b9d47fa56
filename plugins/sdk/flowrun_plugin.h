/* flowrun_plugin.h: how a library becomes a flowrun plugin, byte by byte.
 *
 * A plugin is a shared library that exports one constant, `flowrun_plugin_v1`, a table of
 * five functions. It is one step, one profile backend or one message channel. Rust authors use
 * the crate flowrun-sdk instead, which writes all of this; authors in other languages need
 * what stands here and nothing else. plugins/example-threshold-c is a step in plain C.
 *
 * RULES
 *
 *  - 64 bits, little-endian. Texts are UTF-8, not ended by a zero, with their length beside.
 *  - What the host passes in is lent: it is valid until the function returns, aligned to 8,
 *    and may not be changed or kept. What a function returns in a `flowrun_buffer` belongs to
 *    the plugin; the host copies it and hands it to `release`, at once and once. A buffer with
 *    a null pointer is empty and never released.
 *  - Every function returns a status and may fill the buffer in every case: FLOWRUN_OK with
 *    the result, FLOWRUN_ERROR with a UTF-8 text that says why not. (FLOWRUN_PANIC is for
 *    languages that unwind: the text is what the panic said.) Nothing may be thrown or unwound
 *    over the edge of a function.
 *  - Answers of up to 64 MiB are read, with texts of up to 1 MiB each; descriptions of up to
 *    1 MiB, JSON of up to 128 levels.
 *  - THREADS. `describe` and `create` may be called by any thread, also at once. A handle may be
 *    used by any thread, but by one at a time, unless the table has FLOWRUN_CONCURRENT.
 *    Different handles are used by different threads at once, so whatever they share must be
 *    locked. `destroy` is the last use of a handle, and no other use is under way then. A
 *    library is never unloaded, so threads of its own do no harm to the host.
 *  - STATE. A step decides from its settings and the request alone: no clock, no random
 *    numbers, no memory of earlier calls. It may be asked twice about the same users (if a call
 *    failed, the host asks again for fewer), or never again about some of them; after a crash it
 *    is not asked again what it has already decided.
 *  - TIME. A call that takes longer than the host's patience (10 s) is taken to hang: the plugin
 *    is not asked again, and whatever it would have decided fails.
 *
 * THE TABLE is read in this order: magic, then abi_major, then size, then kind and flags. A host
 * refuses another magic or abi_major, and a size below that of its minor version's table.
 * Minor versions append; what lies beyond `size` does not exist.
 */
#ifndef FLOWRUN_PLUGIN_H
#define FLOWRUN_PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FLOWRUN_MAGIC UINT64_C(0x314e5552574f4c46) /* the bytes FLOWRUN1 */
#define FLOWRUN_ABI_MAJOR 1
#define FLOWRUN_ABI_MINOR 0

enum { FLOWRUN_STEP = 1, FLOWRUN_BACKEND = 2, FLOWRUN_CHANNEL = 3 };     /* kind */
enum { FLOWRUN_CONCURRENT = 1, FLOWRUN_ABORTS = 2, FLOWRUN_HASHES = 4 }; /* flags */
enum { FLOWRUN_OK = 0, FLOWRUN_ERROR = 1, FLOWRUN_PANIC = 2 };           /* status */

#if defined(_WIN32)
#define FLOWRUN_EXPORT __declspec(dllexport)
#else
#define FLOWRUN_EXPORT __attribute__((visibility("default")))
#endif

/* Lent bytes. */
typedef struct { const uint8_t *ptr; size_t len; } flowrun_bytes;
/* Bytes that the plugin made; `capacity` is the plugin's own business. */
typedef struct { uint8_t *ptr; size_t len; size_t capacity; } flowrun_buffer;

typedef struct {
    uint64_t magic;     /*  0: FLOWRUN_MAGIC */
    uint32_t size;      /*  8: sizeof(flowrun_plugin), 64 in this version */
    uint16_t abi_major; /* 12 */
    uint16_t abi_minor; /* 14 */
    uint32_t kind;      /* 16: FLOWRUN_STEP, ... */
    uint32_t flags;     /* 20: FLOWRUN_CONCURRENT, ... */

    /* 24: What the plugin is, as JSON.
     *   step:    {"declaration": {"name", "summary", "exits", "reads": [...],
     *             "shorthand"?, "examples": [{"title", "yaml"}]}, "settings": SCHEMA}
     *            exits: "none" | "next_or_failure" | "next_failure_or_timeout" | "branches"
     *   backend: {"name", "summary", "settings": SCHEMA, "about": {"attributes": 75,
     *             "events": 75, "purchases": 75, "combined": null, "in_flight": 8,
     *             "per_minute": null, "linger_ms": 50, "remembers_keys": false,
     *             "commit": "applied" | "accepted"}}      (about, and each in it, is optional)
     *   channel: {"name", "summary", "settings": SCHEMA}
     * SCHEMA is a JSON Schema of the settings. Strings in it may have a "format" on which the
     * host acts: "liquid" (rendered for each user), "liquid-condition", "liquid-tree", "step"
     * (a door: the setting names the step to go to, `create` gets the door's number),
     * "duration", "time-zone". */
    int32_t (*describe)(flowrun_buffer *out);

    /* 32: Makes a handle from settings (laid out as below). On FLOWRUN_OK the buffer is empty,
     * or JSON, each key optional: {"warnings": [FAULT], "reads": ["attribute"], "sets":
     * ["variable"], "about": {...}}. On FLOWRUN_ERROR it is a text, or a JSON list of
     * FAULT: {"severity": "error" | "warning", "code": null, "at": "/after", "span": null,
     * "message": "...", "hint": null}; "at" is the JSON pointer of the setting. */
    int32_t (*create)(flowrun_bytes settings, void **handle, flowrun_buffer *out);

    /* 40: A request in, an answer out (laid out as below). */
    int32_t (*call)(void *handle, flowrun_bytes request, flowrun_buffer *out);

    /* 48: The last use of the handle. */
    int32_t (*destroy)(void *handle, flowrun_buffer *out);

    /* 56: Takes a buffer back. */
    void (*release)(flowrun_buffer buffer);
} flowrun_plugin;

/* A REQUEST is a grid: a row per visit, object or message; cells in columns; one area of text.
 * Offsets `..._at` are from the beginning of the request; those of texts from `text_at`. */
typedef struct { uint32_t offset, len; } flowrun_text;

typedef struct {
    uint32_t size;           /*  0: of this header, 80 */
    uint32_t rows;           /*  4 */
    uint32_t columns;        /*  8 */
    uint32_t slots;          /* 12: of the columns, how many are rendered settings (steps) */
    int64_t now;             /* 16: the moment, in milliseconds since 1970-01-01T00:00Z */
    uint64_t seed;           /* 24: of the run */
    uint32_t users_at;       /* 32: rows x flowrun_text: the user's external id */
    uint32_t cells_at;       /* 36: rows x columns x flowrun_cell, row by row */
    uint32_t hashes_at;      /* 40: rows x uint64_t; 0 without FLOWRUN_HASHES. A row's hash is the
                                    same for this user at this step and seed */
    uint32_t text_at;        /* 44 */
    uint32_t text_len;       /* 48 */
    flowrun_text place;      /* 52: "canvas/step" */
    flowrun_text zone;       /* 60: the Canvas's time zone */
    uint32_t reserved[3];    /* 68: 0 */
} flowrun_request;

enum { FLOWRUN_EMPTY, FLOWRUN_TEXT, FLOWRUN_FLAG, FLOWRUN_INT, FLOWRUN_FLOAT, FLOWRUN_JSON };

typedef struct {
    uint32_t tag;            /*  0 */
    uint32_t len;            /*  4: of a text or JSON, in bytes */
    union {                  /*  8 */
        uint64_t offset;     /*     of a text or JSON */
        int64_t number;      /*     an int; a flag: 0 or 1 */
        double real;         /*     a float */
    } as;
} flowrun_cell;

/* COLUMNS
 *   step:     the slots, by number (a slot that is the same for everybody is FLOWRUN_EMPTY: its
 *             text is "source" in the settings), then the attributes in the order of "reads"
 *   backend:  array (int: 0 attributes, 1 events, 2 purchases), key (text: the same on every
 *             attempt), number in the write (int), attempt (int), object (JSON); rows are objects
 *   channel:  id (text: the same on every attempt), attempt (int), channel (text), subject (text
 *             or empty), body (text), fields (JSON), delivery (int: 0 at least once, 1 at most)
 *   settings: (of `create`) one column. A row for each leaf of the settings: the "user" is its
 *             JSON pointer ("/after"), the cell its value; `place` is all of it as JSON.
 *             A text with Liquid has "/NAME/slot", "/NAME/source" and "/NAME/constant"; a
 *             condition "/NAME/slot" and "/NAME/source"; a door is its number. */

/* AN ANSWER has a record for each row, in their order, and an area of text after the last. */
typedef struct {
    uint32_t size;           /*  0: of this header, 24 */
    uint32_t rows;           /*  4: as many as were asked */
    uint32_t text_len;       /*  8 */
    uint32_t record_size;    /* 12: 32 */
    int64_t pause;           /* 16: of a backend: milliseconds to leave it alone; else -1 */
} flowrun_answer;

typedef struct {
    uint32_t kind;           /*  0 */
    uint32_t door;           /*  4 */
    int64_t moment;          /*  8: -1 for none */
    flowrun_text first;      /* 16: in the area of text */
    flowrun_text second;     /* 24 */
} flowrun_record;

/* RECORDS OF A STEP. Doors: 0 next, 1 on_failure, 2 on_timeout, from 3 those of the settings.
 * A record of zeros (FLOWRUN_NONE) fails the visit. */
enum {
    FLOWRUN_NONE = 0,
    FLOWRUN_GO = 1,       /* by door */
    FLOWRUN_WAIT = 2,     /* until moment, then by door */
    FLOWRUN_UPDATE = 3,   /* first: {"attributes": [{...}], "events": [...], "purchases": [...]},
                             objects without identifiers; moment: timeout in milliseconds */
    FLOWRUN_SEND = 4,     /* first: {"channel", "subject"?, "body", "fields"?: {"k": "v"},
                             "delivery"?: "at_least_once" | "at_most_once"} */
    FLOWRUN_REMEMBER = 5, /* first: {"variable": value}; then by door */
    FLOWRUN_EXIT = 6,     /* first: the reason */
    FLOWRUN_FAIL = 7      /* first: the reason, second: the payload for the dead letter */
};
/* RECORDS OF A BACKEND OR CHANNEL. Zeros are "unknown": it may have happened. */
enum {
    FLOWRUN_APPLIED = 1,  /* written, sent */
    FLOWRUN_ACCEPTED = 2, /* taken over, will be written */
    FLOWRUN_REFUSED = 3,  /* never will be; first: the reason */
    FLOWRUN_RETRY = 4,    /* not done; moment: after so many milliseconds; first: the cause */
    FLOWRUN_UNKNOWN = 5   /* nobody knows; first: what is known */
};

/* ---- Conveniences: nothing below is part of the agreement. ---- */

#if defined(__GNUC__)
#define FLOWRUN_UNUSED __attribute__((unused))
#else
#define FLOWRUN_UNUSED
#endif

static inline FLOWRUN_UNUSED const flowrun_request *flowrun_read(flowrun_bytes bytes) {
    return (const flowrun_request *)(const void *)bytes.ptr;
}
static inline FLOWRUN_UNUSED const flowrun_cell *
flowrun_cell_at(const flowrun_request *request, uint32_t row, uint32_t column) {
    const uint8_t *cells = (const uint8_t *)request + request->cells_at;
    return (const flowrun_cell *)(const void *)cells + (size_t)row * request->columns + column;
}
static inline FLOWRUN_UNUSED flowrun_bytes
flowrun_user_at(const flowrun_request *request, uint32_t row) {
    const uint8_t *base = (const uint8_t *)request;
    const flowrun_text *user = (const flowrun_text *)(const void *)(base + request->users_at) + row;
    return (flowrun_bytes){base + request->text_at + user->offset, user->len};
}
static inline FLOWRUN_UNUSED flowrun_bytes
flowrun_text_of(const flowrun_request *request, const flowrun_cell *cell) {
    int words = cell->tag == FLOWRUN_TEXT || cell->tag == FLOWRUN_JSON;
    const uint8_t *text = (const uint8_t *)request + request->text_at;
    return words ? (flowrun_bytes){text + cell->as.offset, cell->len} : (flowrun_bytes){text, 0};
}
/* The setting under a JSON pointer, or NULL. */
static inline FLOWRUN_UNUSED const flowrun_cell *
flowrun_setting(const flowrun_request *settings, const char *pointer) {
    size_t len = strlen(pointer);
    for (uint32_t row = 0; row < settings->rows; row++) {
        flowrun_bytes name = flowrun_user_at(settings, row);
        if (name.len == len && memcmp(name.ptr, pointer, len) == 0)
            return flowrun_cell_at(settings, row, 0);
    }
    return NULL;
}
/* A buffer that holds a copy, for `release` = flowrun_free. */
static inline FLOWRUN_UNUSED int32_t
flowrun_say(int32_t status, const char *text, flowrun_buffer *out) {
    size_t len = strlen(text);
    out->ptr = malloc(len ? len : 1);
    out->len = out->capacity = out->ptr ? len : 0;
    if (out->ptr) memcpy(out->ptr, text, len);
    return status;
}
/* An answer with a record of zeros per row; NULL if there is no memory. */
static inline FLOWRUN_UNUSED flowrun_record *flowrun_begin(uint32_t rows, flowrun_buffer *out) {
    size_t len = sizeof(flowrun_answer) + (size_t)rows * sizeof(flowrun_record);
    out->ptr = calloc(1, len);
    out->len = out->capacity = out->ptr ? len : 0;
    if (!out->ptr) return NULL;
    flowrun_answer head = {sizeof(flowrun_answer), rows, 0, sizeof(flowrun_record), -1};
    memcpy(out->ptr, &head, sizeof head);
    return (flowrun_record *)(void *)(out->ptr + sizeof(flowrun_answer));
}
/* Appends a text to an answer that was begun. The records may move: get them again with
 * flowrun_records. */
static inline FLOWRUN_UNUSED flowrun_text
flowrun_append(flowrun_buffer *out, const void *text, size_t len) {
    flowrun_text none = {0, 0};
    if (out->len + len > out->capacity) {
        size_t capacity = (out->len + len) * 2;
        uint8_t *larger = realloc(out->ptr, capacity);
        if (!larger) return none;
        out->ptr = larger;
        out->capacity = capacity;
    }
    flowrun_answer *head = (flowrun_answer *)(void *)out->ptr;
    flowrun_text where = {head->text_len, (uint32_t)len};
    memcpy(out->ptr + out->len, text, len);
    out->len += len;
    head->text_len += (uint32_t)len;
    return where;
}
static inline FLOWRUN_UNUSED flowrun_record *flowrun_records(flowrun_buffer *out) {
    return (flowrun_record *)(void *)(out->ptr + sizeof(flowrun_answer));
}
static FLOWRUN_UNUSED void flowrun_free(flowrun_buffer buffer) { free(buffer.ptr); }

#endif
