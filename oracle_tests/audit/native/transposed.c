/* A transposed convolution that scatters each input element, with one array of numbers for each parameter. */
#include <stdint.h>

void conv_transpose2d(const int32_t *x, const int32_t *w, const int32_t *bias, int32_t *y, const int64_t *x_shape,
                      const int64_t *w_shape, const int64_t *y_shape, const int *stride, const int *padding,
                      const int *output_padding, const int *dilation, int groups)
{
    (void)output_padding; /* it is in the shape of the output */
    int64_t n = x_shape[0], c = x_shape[1], h = x_shape[2], width = x_shape[3];
    int64_t oc = y_shape[1], oh = y_shape[2], ow = y_shape[3], kh = w_shape[2], kw = w_shape[3];
    int64_t of_input = c / groups, of_output = oc / groups;
    for (int64_t i = 0; i < n * oc * oh * ow; i++)
        y[i] = bias ? bias[i / (oh * ow) % oc] : 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < c; k++)
            for (int64_t o = 0; o < of_output; o++)
                for (int64_t r = 0; r < h; r++)
                    for (int64_t s = 0; s < width; s++)
                        for (int64_t u = 0; u < kh; u++)
                            for (int64_t v = 0; v < kw; v++) {
                                int64_t p = r * stride[0] - padding[0] + u * dilation[0];
                                int64_t q = s * stride[1] - padding[1] + v * dilation[1];
                                if (p < 0 || q < 0 || p >= oh || q >= ow)
                                    continue;
                                y[((i * oc + k / of_input * of_output + o) * oh + p) * ow + q] +=
                                    x[((i * c + k) * h + r) * width + s] * w[((k * of_output + o) * kh + u) * kw + v];
                            }
}
