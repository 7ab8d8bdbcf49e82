/* Checks a convolution in C, and two broken ones, on the golden vectors: cc -O2 check.c -o check && ./check fixtures */
#include <complex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef double complex number;

/* JSON without a library: a value is a pointer to its text. skip() goes over one, get() and at() go into one. */
static const char *blank(const char *s) { return s + strspn(s, " \n\r\t,:"); }
static const char *skip(const char *s)                          /* no text in here has a quote within */
{
    int depth = 0;
    do {
        s = blank(s);
        depth += (*s == '{' || *s == '[') - (*s == '}' || *s == ']');
        s = *s == '"' ? strchr(s + 1, '"') + 1 : strchr("{}[]", *s) ? s + 1 : s + strcspn(s, ",]} \n");
    } while (depth);
    return s;
}
static int is(const char *s, const char *word) { return s && !strncmp(s + 1, word, strlen(word)) && s[strlen(word) + 1] == '"'; }
static const char *get(const char *object, const char *key)     /* NULL where there is no such key */
{
    for (const char *s = object ? blank(blank(object) + 1) : "}"; *s != '}'; s = blank(skip(blank(skip(s)))))
        if (is(s, key)) return blank(skip(s));
    return NULL;
}
static const char *at(const char *list, int place)              /* NULL behind the end */
{
    const char *s = blank(list + 1);
    for (; *s != ']' && place--; s = blank(skip(s))) {}
    return *s == ']' ? NULL : s;
}
static int numbers(const char *list, long *to)                  /* how many there are */
{
    int n = 0;
    for (; at(list, n); n++) to[n] = atol(at(list, n));
    return n;
}
static char *contents(const char *directory, const char *file)  /* the file's name ends at a quote */
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%.*s", directory, (int)strcspn(file, "\""), file);
    FILE *f = fopen(path, "rb");
    long size = f && !fseek(f, 0, SEEK_END) ? ftell(f) : 0;
    char *data = calloc(size + 1, 1);
    if (!f || fseek(f, 0, SEEK_SET) || fread(data, 1, size, f) != (size_t)size) { perror(path); exit(2); }
    return fclose(f), data;
}
static number *array(const char *data, const char *id, const char *name, int parts, long *count)
{
    char key[256];
    unsigned long long header;                                  /* of 8 bytes, the least significant first */
    long range[2] = {0, 0};
    memcpy(&header, data, 8);
    snprintf(key, sizeof key, "\"%.*s/%s\":", (int)strcspn(id + 1, "\""), id + 1, name);
    const char *entry = strstr(data + 8, key);
    if (!entry) return NULL;
    entry += strlen(key);
    numbers(get(entry, "data_offsets"), range);
    const float *from = (const float *)(data + 8 + header + range[0]);
    *count = (range[1] - range[0]) / 4 / parts;
    number *to = calloc(*count + 1, sizeof *to);
    for (long n = 0; n < *count; n++) to[n] = from[parts * n] + (parts == 2 ? I * from[2 * n + 1] : 0);
    return to;
}

static long inside(long at, long size, const char *mode)
{
    if (at >= 0 && at < size) return at;
    if (is(mode, "replicate")) return at < 0 ? 0 : size - 1;
    if (is(mode, "circular")) return (at % size + size) % size;
    if (!is(mode, "reflect")) return -1;
    at = labs(at) % (size > 1 ? 2 * (size - 1) : 1);
    return at < size ? at : 2 * (size - 1) - at;
}
/* A convolution of one's own: in[0] is x, in[1] w, in[2] b or NULL, in[3] dy; adds to y, dx, dw, db. `flip` and
   `undilated` break it. Inputs are read by windows; of a transposed one, y has the inputs and x the windows. */
static void convolve(const char *p, number **in, number **out, long *x_shape, long *y_shape, int n, int flip, int undilated)
{
    long ws[5], s[3], d[3], pads[3][2], g = atol(get(p, "groups")), inputs = 1, windows = 1, taps = 1;
    int axes = numbers(get(p, "weight_shape"), ws) - 2, transposed = get(p, "output_padding") != NULL;
    long *wide = (transposed ? y_shape : x_shape) + n - axes, *small = (transposed ? x_shape : y_shape) + n - axes;
    const char *mode = get(p, "padding_mode");
    numbers(get(p, "stride"), s), numbers(get(p, "dilation"), d);
    for (int a = 0; a < axes; a++) {
        numbers(at(get(p, "pads"), a), pads[a]);
        inputs *= wide[a], windows *= small[a], taps *= ws[2 + a];
    }
    long batch = n == axes + 2 ? x_shape[0] : 1, channels = y_shape[n - axes - 1], places = transposed ? inputs : windows;
    for (long t = 0; t < batch * channels * places; t++) {
        if (in[2]) out[0][t] += in[2][t / places % channels];
        out[3][t / places % channels] += in[3][t];
    }
    for (long t = 0; t < batch * ws[0] * ws[1] * windows * taps; t++) {
        long tap = t % taps, o = t / taps % windows, c = t / taps / windows % ws[1], m = t / taps / windows / ws[1];
        long i = 0, unit = 1, rest_k = tap, rest_o = o, outside = 0;
        for (int a = axes - 1; a >= 0; a--) {
            long k = flip ? ws[2 + a] - 1 - rest_k % ws[2 + a] : rest_k % ws[2 + a];
            long at = inside(rest_o % small[a] * s[a] + k * (undilated ? 1 : d[a]) - pads[a][0], wide[a], mode);
            outside |= at < 0, i += at * unit;
            unit *= wide[a], rest_o /= small[a], rest_k /= ws[2 + a];
        }
        if (outside) continue;
        i += ((m / ws[0] * g + m % ws[0] / (ws[0] / g)) * ws[1] + c) * inputs, o += m * windows;
        long k = (m % ws[0] * ws[1] + c) * taps + tap, from = transposed ? o : i, to = transposed ? i : o;
        out[0][to] += in[1][k] * in[0][from];
        out[1][from] += conj(in[1][k]) * in[3][to];
        out[2][k] += conj(in[0][from]) * in[3][to];
    }
}

int main(int argc, char **argv)
{
    const char *directory = argc > 1 ? argv[1] : "fixtures", *faults[] = {"right", "kernel-flipped", "dilation-ignored"};
    const char *operands[] = {"x", "w", "b", "dy"}, *results[] = {"y", "dx", "dw", "db"};
    const char *families[] = {"conv", "conv_transpose", "conv_input", "conv_weight", "conv_bias"};
    int compared = 0, wrong[3] = {0, 0, 0}, surprises = 0;
    for (int which = 0; which < 5; which++) {
        const char *family = get(get(contents(directory, "index.json"), "families"), families[which]);
        const char *cases = get(contents(directory, get(get(family, "manifest"), "file") + 1), "cases");
        const char *data = contents(directory, get(get(family, "arrays"), "file") + 1);
        for (const char *c = blank(cases + 1); *c == '{'; c = blank(skip(c))) {
            if (!is(get(c, "result"), "valid")) continue;
            const char *p = get(c, "parameters");
            number *in[4], *right[4], *out[4];
            long size[4], ignored, x_shape[6], y_shape[6], n = numbers(get(p, "input_shape"), x_shape);
            int parts = is(get(p, "dtype"), "complex64") ? 2 : 1;
            numbers(get(get(get(c, "results"), "y"), "shape"), y_shape);
            for (int r = 0; r < 4; r++) in[r] = array(data, get(c, "id"), operands[r], parts, &ignored);
            for (int r = 0; r < 4; r++) right[r] = array(data, get(c, "id"), results[r], parts, &size[r]);
            for (int f = 0; f < 3; f++) {
                for (int r = 0; r < 4; r++) out[r] = calloc(size[r] + 1, sizeof(number));
                convolve(p, in, out, x_shape, y_shape, n, f == 1, f == 2);
                for (int r = 0, differs; r < 4; r++) {
                    for (long t = differs = 0; t < size[r]; t++) differs |= out[r][t] != right[r][t];
                    const char *flag = get(get(get(c, "flags"), results[r]), faults[f]);
                    compared += f == 0, wrong[f] += differs;
                    if (differs != (flag && flag[1] == '1') && surprises++ < 5)
                        printf("%s: %s of %.*s is %s\n", faults[f], results[r], (int)strcspn(get(c, "id") + 1, "\""),
                               get(c, "id") + 1, differs ? "wrong" : "right");
                    free(out[r]);
                }
            }
            for (int r = 0; r < 4; r++) free(in[r]), free(right[r]);
        }
    }
    for (int f = 0; f < 3; f++) printf("%s: %d results compared, %d wrong\n", faults[f], compared, wrong[f]);
    return printf("%d not as flagged\n", surprises), surprises > 0;
}
