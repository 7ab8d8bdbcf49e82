/* The gradient by the weight, without stride; what is returned is ours to free. */
#include <stdlib.h>

double *conv2d_weight(const double *x, const double *dy, int n, int c, int h, int w, int k, int r, int s)
{
    int oh = h - r + 1, ow = w - s + 1;
    double *dw = calloc((size_t)k * c * r * s, sizeof *dw);
    if (!dw)
        return NULL;
    for (int i = 0; i < n; i++)
        for (int o = 0; o < k; o++)
            for (int ch = 0; ch < c; ch++)
                for (int u = 0; u < r; u++)
                    for (int v = 0; v < s; v++)
                        for (int p = 0; p < oh; p++)
                            for (int q = 0; q < ow; q++)
                                dw[((o * c + ch) * r + u) * s + v] +=
                                    x[((i * c + ch) * h + p + u) * w + q + v] * dy[((i * k + o) * oh + p) * ow + q];
    return dw;
}
