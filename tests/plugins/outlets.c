/* A backend or a channel (KIND) that does one thing wrong, by what is defined. Objects and
 * messages of users whose id begins with an x meet the fault; where a fault is that of a whole
 * answer, everybody does. Each call is told on standard error. */
#include <stdio.h>
#include <stdlib.h>

#include "flowrun_plugin.h"

#ifndef KIND
#define KIND FLOWRUN_CHANNEL
#endif

static int32_t describe(flowrun_buffer *out) {
    const char *text = "{\"name\": \"bad\", \"summary\": \"Do something wrong.\","
                       " \"settings\": {\"type\": \"object\", \"additionalProperties\": false}}";
#ifdef OTHER_DESCRIPTION
    text = "{\"name\": \"bad\"}";
#endif
#ifdef BAD_LIMITS
    text = "{\"name\": \"bad\", \"summary\": \"Do something wrong.\", \"about\": {\"attributes\": 0},"
           " \"settings\": {\"type\": \"object\", \"additionalProperties\": false}}";
#endif
    return flowrun_say(FLOWRUN_OK, text, out);
}

static int32_t create(flowrun_bytes settings, void **handle, flowrun_buffer *out) {
    (void)settings, (void)out;
    *handle = calloc(1, 1);
#ifdef CREATE_FAILS
    return flowrun_say(FLOWRUN_ERROR, "I won't begin", out);
#endif
#ifdef CREATE_NO_JSON
    return flowrun_say(FLOWRUN_OK, "fine, thanks", out);
#endif
#ifdef CREATE_HANGS
    for (volatile int i = 0;; i++) {}
#endif
    return FLOWRUN_OK;
}

static int32_t call(void *handle, flowrun_bytes bytes, flowrun_buffer *out) {
    (void)handle;
    const flowrun_request *request = flowrun_read(bytes);
    uint32_t rows = request->rows;
    fputs("asked\n", stderr);
#ifdef WRONG_COUNT
    rows++;
#endif
#ifdef NO_ANSWER
    return FLOWRUN_OK;
#endif
#ifdef ODD_STATUS
    return 77;
#endif
#ifdef SAYS_ERROR
    return flowrun_say(FLOWRUN_ERROR, "I don't like this", out);
#endif
#ifdef HUGE_ANSWER
    out->len = (size_t)1 << 30;
    out->ptr = calloc(1, out->len);
    return FLOWRUN_OK;
#endif
#ifdef HANGS
    for (volatile int i = 0;; i++) {}
#endif
    flowrun_record *records = flowrun_begin(rows, out);
    if (!records) abort();
    for (uint32_t row = 0; row < request->rows; row++) {
        flowrun_bytes user = flowrun_user_at(request, row);
        flowrun_record *record = &flowrun_records(out)[row];
        record->kind = FLOWRUN_APPLIED;
        if (!user.len || user.ptr[0] != 'x') continue;
#ifdef SEGFAULTS
        /* An address that the compiler doesn't know to be none. */
        *(volatile int *)(uintptr_t)request->slots = 1;
#endif
#ifdef EXITS
        exit(3);
#endif
#ifdef NO_OUTCOME
        record->kind = FLOWRUN_NONE;
#endif
#ifdef UNKNOWN_OUTCOME
        record->kind = 99;
#endif
#ifdef TEXT_ELSEWHERE
        record->kind = FLOWRUN_REFUSED;
        record->first.offset = 1000000;
        record->first.len = 5;
#endif
#ifdef BAD_UTF8
        flowrun_text text = flowrun_append(out, "\xff\xfe", 2);
        record = &flowrun_records(out)[row];
        record->kind = FLOWRUN_REFUSED;
        record->first = text;
#endif
#ifdef REFUSES
        flowrun_text text = flowrun_append(out, "not x", 5);
        record = &flowrun_records(out)[row];
        record->kind = FLOWRUN_REFUSED;
        record->first = text;
#endif
    }
    return FLOWRUN_OK;
}

static int32_t destroy(void *handle, flowrun_buffer *out) {
    (void)out;
    free(handle);
    return FLOWRUN_OK;
}

/* Also keeps the compiler from finding a function unused. */
int32_t (*const bad_call)(void *, flowrun_bytes, flowrun_buffer *) = call;

FLOWRUN_EXPORT const flowrun_plugin flowrun_plugin_v1 = {
    FLOWRUN_MAGIC, sizeof(flowrun_plugin), FLOWRUN_ABI_MAJOR, FLOWRUN_ABI_MINOR, KIND, 0,
    describe, create, call, destroy, flowrun_free,
};
