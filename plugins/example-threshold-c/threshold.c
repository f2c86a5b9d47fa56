/* A split by a number, in plain C against flowrun_plugin.h:
 *
 *   - id: size
 *     threshold: { at_least: 100, above: big, below: small }
 *
 * Users whose attribute `spend` is at least `at_least` leave by `above`, all others (and those
 * without the attribute) by `below`.
 *
 *   cc -shared -fPIC -O2 -I ../sdk -o libthreshold.so threshold.c
 */
#include "flowrun_plugin.h"

typedef struct {
    double at_least;
    uint32_t above, below;
} threshold;

static const char DESCRIPTION[] =
    "{\"declaration\": {\"name\": \"threshold\","
    " \"summary\": \"Send users one of two ways, by what they have spent.\","
    " \"exits\": \"branches\", \"reads\": [\"spend\"],"
    " \"examples\": [{\"title\": \"Big and small spenders\","
    "   \"yaml\": \"threshold:\\n  at_least: 100\\n\"}]},"
    " \"settings\": {\"type\": \"object\", \"additionalProperties\": false,"
    "  \"required\": [\"at_least\"], \"properties\": {"
    "   \"at_least\": {\"type\": \"number\", \"description\": \"The least spend that counts.\"},"
    "   \"above\": {\"type\": \"string\", \"format\": \"step\","
    "    \"description\": \"Where users go who spend as much.\"},"
    "   \"below\": {\"type\": \"string\", \"format\": \"step\","
    "    \"description\": \"Where all others go.\"}}}}";

static int32_t describe(flowrun_buffer *out) { return flowrun_say(FLOWRUN_OK, DESCRIPTION, out); }

/* An attribute may be an int or a float. */
static int number_of(const flowrun_cell *cell, double *number) {
    if (cell && cell->tag == FLOWRUN_INT) *number = (double)cell->as.number;
    else if (cell && cell->tag == FLOWRUN_FLOAT) *number = cell->as.real;
    else return 0;
    return 1;
}

static int32_t create(flowrun_bytes bytes, void **handle, flowrun_buffer *out) {
    const flowrun_request *settings = flowrun_read(bytes);
    const flowrun_cell *above = flowrun_setting(settings, "/above");
    const flowrun_cell *below = flowrun_setting(settings, "/below");
    threshold *made = calloc(1, sizeof *made);
    if (!made) return flowrun_say(FLOWRUN_ERROR, "there is no memory", out);
    if (!number_of(flowrun_setting(settings, "/at_least"), &made->at_least)) {
        free(made);
        return flowrun_say(FLOWRUN_ERROR, "`at_least` is a number", out);
    }
    /* A door that is not written is `next`, which is 0. */
    made->above = above ? (uint32_t)above->as.number : 0;
    made->below = below ? (uint32_t)below->as.number : 0;
    *handle = made;
    return FLOWRUN_OK;
}

static int32_t call(void *handle, flowrun_bytes bytes, flowrun_buffer *out) {
    const threshold *step = handle;
    const flowrun_request *request = flowrun_read(bytes);
    flowrun_record *records = flowrun_begin(request->rows, out);
    if (!records) return flowrun_say(FLOWRUN_ERROR, "there is no memory", out);
    for (uint32_t row = 0; row < request->rows; row++) {
        /* The first attribute stands after the slots. */
        double spend = 0;
        int known = number_of(flowrun_cell_at(request, row, request->slots), &spend);
        records[row].kind = FLOWRUN_GO;
        records[row].door = known && spend >= step->at_least ? step->above : step->below;
    }
    return FLOWRUN_OK;
}

static int32_t destroy(void *handle, flowrun_buffer *out) {
    (void)out;
    free(handle);
    return FLOWRUN_OK;
}

FLOWRUN_EXPORT const flowrun_plugin flowrun_plugin_v1 = {
    FLOWRUN_MAGIC, sizeof(flowrun_plugin), FLOWRUN_ABI_MAJOR, FLOWRUN_ABI_MINOR,
    FLOWRUN_STEP,  FLOWRUN_CONCURRENT,     describe,          create,
    call,          destroy,                flowrun_free,
};
