/* A step that does one thing wrong, by what is defined. Visits of users whose id begins with
 * an x meet the fault; where a fault is that of a whole answer, everybody at the step does. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "flowrun_plugin.h"

#define SETTINGS "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {}}"

static int32_t describe(flowrun_buffer *out) {
    const char *schema = SETTINGS;
#ifdef SCHEMA_NOWHERE
    schema = "{\"$ref\": \"#/nowhere\"}";
#endif
#ifdef SCHEMA_WANTS_MORE
    schema = "{\"type\": \"object\", \"properties\": {\"n\": {\"type\": \"integer\"}},"
             " \"additionalProperties\": false}";
#endif
#ifdef SCHEMA_WORD
    schema = "\"anything\"";
#endif
    char text[2048];
    snprintf(text, sizeof text,
             "{\"declaration\": {\"name\": \"bad\", \"summary\": \"Do something wrong.\","
             " \"exits\": \"next_or_failure\", \"reads\": [],"
             " \"examples\": [{\"title\": \"It\", \"yaml\": \"bad: {}\\n\"}]}, \"settings\": %s}",
             schema);
#ifdef DESCRIBE_NO_JSON
    return flowrun_say(FLOWRUN_OK, "{\"declaration\":", out);
#endif
#ifdef DESCRIBE_FAILS
    return flowrun_say(FLOWRUN_ERROR, "I don't know who I am", out);
#endif
#ifdef DESCRIBE_HANGS
    for (volatile int i = 0;; i++) {}
#endif
    return flowrun_say(FLOWRUN_OK, text, out);
}

static int32_t create(flowrun_bytes settings, void **handle, flowrun_buffer *out) {
    (void)settings;
    *handle = calloc(1, 1);
#ifdef SCHEMA_WANTS_MORE
    if (!flowrun_setting(flowrun_read(settings), "/n"))
        return flowrun_say(FLOWRUN_ERROR, "`n` is missing, whatever the schema says", out);
#endif
#ifdef CREATE_HANGS
    for (volatile int i = 0;; i++) {}
#endif
#ifdef CREATE_NO_JSON
    return flowrun_say(FLOWRUN_OK, "fine, thanks", out);
#endif
    (void)out;
    return FLOWRUN_OK;
}

static int32_t call(void *handle, flowrun_bytes bytes, flowrun_buffer *out) {
    (void)handle;
    const flowrun_request *request = flowrun_read(bytes);
    uint32_t rows = request->rows;
#ifdef WRONG_COUNT
    rows++;
#endif
#ifdef NO_ANSWER
    return FLOWRUN_OK;
#endif
#ifdef ODD_STATUS
    return 77;
#endif
#ifdef HUGE_ANSWER
    out->len = (size_t)1 << 30;
    out->ptr = calloc(1, out->len);
    return FLOWRUN_OK;
#endif
    flowrun_record *records = flowrun_begin(rows, out);
    if (!records) abort();
    for (uint32_t row = 0; row < rows; row++) records[row].kind = FLOWRUN_GO;
    for (uint32_t row = 0; row < request->rows; row++) {
        flowrun_bytes user = flowrun_user_at(request, row);
        if (!user.len || user.ptr[0] != 'x') continue;
        flowrun_record *record = &flowrun_records(out)[row];
        (void)record;
#ifdef HANGS
        for (volatile int i = 0;; i++) {}
#endif
#ifdef SAYS_ERROR
        free(out->ptr);
        return flowrun_say(FLOWRUN_ERROR, "I don't like x", out);
#endif
#ifdef SEGFAULTS
        /* An address that the compiler doesn't know to be none. */
        *(volatile int *)(uintptr_t)request->slots = 1;
#endif
#ifdef EXITS
        exit(3);
#endif
#ifdef NO_DECISION
        record->kind = FLOWRUN_NONE;
#endif
#ifdef UNKNOWN_KIND
        record->kind = 99;
#endif
#ifdef UNKNOWN_EXIT
        record->door = 42;
#endif
#ifdef BAD_UTF8
        flowrun_text text = flowrun_append(out, "\xff\xfe", 2);
        record = &flowrun_records(out)[row];
        record->kind = FLOWRUN_EXIT;
        record->first = text;
#endif
#ifdef TEXT_ELSEWHERE
        record->kind = FLOWRUN_EXIT;
        record->first.offset = 1000000;
        record->first.len = 5;
#endif
#ifdef LONG_TEXT
        char *text = malloc(2 << 20);
        memset(text, 'a', 2 << 20);
        flowrun_text where = flowrun_append(out, text, 2 << 20);
        free(text);
        record = &flowrun_records(out)[row];
        record->kind = FLOWRUN_EXIT;
        record->first = where;
#endif
#ifdef WRITES_ANOTHER_USER
        static const char UPDATE[] = "{\"attributes\": [{\"external_id\": \"bo\", \"vip\": true}]}";
        flowrun_text update = flowrun_append(out, UPDATE, sizeof UPDATE - 1);
        record = &flowrun_records(out)[row];
        record->kind = FLOWRUN_UPDATE;
        record->moment = -1;
        record->first = update;
#endif
#ifdef DEEP_JSON
        char deep[4000];
        memset(deep, '[', sizeof deep);
        flowrun_text json = flowrun_append(out, deep, sizeof deep);
        record = &flowrun_records(out)[row];
        record->kind = FLOWRUN_REMEMBER;
        record->first = json;
#endif
    }
#ifdef FICKLE
    static uint32_t calls;
    if (calls++ % 2 && rows) memset(flowrun_records(out), 0, sizeof(flowrun_record));
#endif
#ifdef OTHER_LIFE
    /* As if it read a clock: what it says depends on a file that comes later. */
    FILE *later = fopen("later", "r");
    if (later) {
        fclose(later);
        memset(flowrun_records(out), 0, rows * sizeof(flowrun_record));
    }
#endif
#ifdef LEAKS
    if (!malloc(4096)) abort();
#endif
    return FLOWRUN_OK;
}

static int32_t destroy(void *handle, flowrun_buffer *out) {
    free(handle);
#ifdef DESTROY_FAILS
    return flowrun_say(FLOWRUN_ERROR, "I'd rather stay", out);
#endif
    (void)out;
    return FLOWRUN_OK;
}

#ifdef CONSTRUCTOR_HANGS
__attribute__((constructor)) static void hang(void) {
    for (volatile int i = 0;; i++) {}
}
#endif

#ifdef CONSTRUCTOR_MAY_HANG
__attribute__((constructor)) static void hang(void) {
    FILE *healthy = fopen("healthy", "r");
    if (!healthy) for (volatile int i = 0;; i++) {}
    fclose(healthy);
}
#endif

#ifdef CONSTRUCTOR_CRASHES
__attribute__((constructor)) static void crash(void) {
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}
#endif

#ifdef OFF_BY_ONE
#define MAJOR (FLOWRUN_ABI_MAJOR + 1)
#else
#define MAJOR FLOWRUN_ABI_MAJOR
#endif
#ifdef NO_FUNCTION
#define CALL NULL
#else
#define CALL call
#endif
#ifdef SHORT_TABLE
#define SIZE 40
#else
#define SIZE sizeof(flowrun_plugin)
#endif
#ifdef OTHER_MAGIC
#define MAGIC 7
#else
#define MAGIC FLOWRUN_MAGIC
#endif
#ifdef UNKNOWN_PLUGIN
#define KIND 9
#else
#define KIND FLOWRUN_STEP
#endif
#ifdef ABORTS
#define FLAGS FLOWRUN_ABORTS
#else
#define FLAGS 0
#endif

/* Also keeps the compiler from finding a function unused. */
int32_t (*const bad_call)(void *, flowrun_bytes, flowrun_buffer *) = call;

#ifndef NO_SYMBOL
FLOWRUN_EXPORT const flowrun_plugin flowrun_plugin_v1 = {
    MAGIC, SIZE, MAJOR, FLOWRUN_ABI_MINOR, KIND, FLAGS, describe, create, CALL, destroy, flowrun_free,
};
#else
int32_t (*const bad_describe)(flowrun_buffer *) = describe;
int32_t (*const bad_create)(flowrun_bytes, void **, flowrun_buffer *) = create;
int32_t (*const bad_destroy)(void *, flowrun_buffer *) = destroy;
#endif
