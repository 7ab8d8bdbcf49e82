/* A convolution in loops, with everything that conv2d takes. */
#include <stddef.h>

void conv2d(const float *x, const float *w, const float *b, float *y, int n, int c, int h, int w_, int oc, int kh, int kw,
            int sh, int sw, int ph, int pw, int dh, int dw, int groups)
{
    int oh = (h + 2 * ph - dh * (kh - 1) - 1) / sh + 1;
    int ow = (w_ + 2 * pw - dw * (kw - 1) - 1) / sw + 1;
    int of_input = c / groups, of_output = oc / groups;
    for (int i = 0; i < n; i++)
        for (int o = 0; o < oc; o++)
            for (int r = 0; r < oh; r++)
                for (int s = 0; s < ow; s++) {
                    float sum = b != NULL ? b[o] : 0;
                    for (int k = 0; k < of_input; k++) {
                        const float *image = x + (i * c + o / of_output * of_input + k) * h * w_;
                        const float *kernel = w + (o * of_input + k) * kh * kw;
                        for (int u = 0; u < kh; u++)
                            for (int v = 0; v < kw; v++) {
                                int p = r * sh - ph + u * dh, q = s * sw - pw + v * dw;
                                if (p >= 0 && p < h && q >= 0 && q < w_)
                                    sum += image[p * w_ + q] * kernel[u * kw + v];
                            }
                    }
                    y[((i * oc + o) * oh + r) * ow + s] = sum;
                }
}
