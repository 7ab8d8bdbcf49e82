/* A convolution in C, asked by conv-oracle: cc -O2 conv.c -o conv && conv-oracle audit --command ./conv --op conv2d */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
enum { AXES = 3, MOST = 16 };

/* The numbers behind a key of the line; how many there are: 0 for null, and where there is no such key. */
static int numbers(const char *line, const char *key, long *to)
{
    char quoted[32], *end;
    int n = 0;
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *s = strstr(line, quoted);
    for (s = s ? s + strlen(quoted) : ""; s += strspn(s, " [,"), *s == '-' || (*s >= '0' && *s <= '9'); s = end)
        to[n++] = strtol(s, &end, 10);
    return n;
}
/* The same on three axes: those that are not there come first. skipped: of a shape, what comes before its axes. */
static void three(const char *line, const char *key, int skipped, long otherwise, long *to)
{
    long found[MOST], n = numbers(line, key, found);
    for (int a = 0; a < AXES; a++) to[a] = a < AXES - n + skipped ? otherwise : found[n - AXES + a];
}
static int error(const char *why) { return printf("{\"error\": \"%s\"}\n", why); }
static double get(const char *from, int wide, long at) { return wide ? ((double *)from)[at] : ((float *)from)[at]; }

/* y[n, m, o] = b[m] + sum over c, k of x[n, c, o*stride + k*dilation - padding] * w[m, c, k] */
static int answer(const char *line, const char *data)
{
    long X[MOST], W[MOST], B[MOST], G[MOST], S[3], P[3], D[3], K[3], O[3], I[3];
    int rank = numbers(line, "input", X), with_bias = numbers(line, "bias", B);
    int wide = strstr(line, "\"float64\"") != 0, size = wide ? 8 : 4;
    numbers(line, "weight", W), numbers(line, "groups", G), three(line, "weight", 2, 1, K);
    three(line, "stride", 0, 1, S), three(line, "padding", 0, 0, P), three(line, "dilation", 0, 1, D);
    three(line, "input", 2, 1, I);
    for (int a = 0; a < AXES; a++) {
        if (S[a] < 1 || P[a] < 0 || D[a] < 1 || K[a] < 1) return error("a stride, padding, dilation or kernel is bad");
        long room = I[a] + 2 * P[a] - D[a] * (K[a] - 1) - 1;
        if (room < 0) return error("the kernel is longer than the padded input");
        O[a] = room / S[a] + 1;
    }
    long N = X[0], M = W[0], C = W[1], g = G[0], kernel = K[0] * K[1] * K[2], inner = O[0] * O[1] * O[2];
    long image = I[0] * I[1] * I[2], total = N * M * inner;
    if (g < 1 || M % g || X[1] != C * g || (with_bias && B[0] != M)) return error("the channels do not fit");
    const char *weight = data + N * X[1] * image * size;        /* the bias follows it */
    printf("{\"dtype\": \"float%d\", \"shape\": [%ld, %ld", 8 * size, N, M);
    for (int a = AXES - (rank - 2); a < AXES; a++) printf(", %ld", O[a]);
    printf("], \"bytes\": %ld}\n", total * size);
    for (long to = 0; to < total; to++) {
        long o = to % inner, m = to / inner % M, n = to / inner / M;
        double y = with_bias ? get(weight, wide, M * C * kernel + m) : 0;
        for (long of = 0; of < C * kernel; of++) {
            long at = 0, step = 1, k = of % kernel, c = of / kernel, inside = 1;
            for (int a = AXES, left = o; a--; step *= I[a], left /= O[a], k /= K[a]) {
                long i = left % O[a] * S[a] + k % K[a] * D[a] - P[a];
                inside &= i >= 0 && i < I[a];
                at += i * step;
            }
            at += (n * X[1] + m / (M / g) * C + c) * image;
            if (inside) y += get(data, wide, at) * get(weight, wide, m * C * kernel + of);
        }
        fwrite(wide ? (void *)&y : &(float){(float)y}, size, 1, stdout);
    }
    return 0;
}
int main(void)
{
    char *line = NULL;
    for (size_t room = 0; getline(&line, &room, stdin) > 0; fflush(stdout)) {
        long bytes = 0;
        char *data = malloc(numbers(line, "bytes", &bytes) ? bytes + 1 : 1);
        if (fread(data, 1, bytes, stdin) != (size_t)bytes) return 1;
        if (!strstr(line, "\"protocol\"")) answer(line, data);
        else printf("{\"protocol\": 1, \"operations\": [\"conv1d\", \"conv2d\", \"conv3d\"], "
                    "\"dtypes\": [\"float32\", \"float64\"]}\n");
        free(data);
    }
    return 0;
}
