/* One signal, one kernel, in double precision; a status says what went wrong. */
#include <stddef.h>

int conv1d(const double *x, size_t n, const double *k, size_t m, double *y, int stride)
{
    if (stride < 1 || m > n)
        return -1;
    for (size_t o = 0; o <= (n - m) / stride; o++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++)
            sum += x[o * stride + i] * k[i];
        y[o] = sum;
    }
    return 0;
}
