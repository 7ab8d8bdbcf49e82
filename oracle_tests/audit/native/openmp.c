/* Output channels shared out between the threads of OpenMP, by hand. */
#include <omp.h>

typedef float real;

void conv2d(const real *restrict in, const real *restrict weight, const real *restrict bias, real *restrict out, int batch,
            int in_channels, int height, int width, int out_channels, int kernel, int stride, int padding)
{
    int out_height = (height + 2 * padding - kernel) / stride + 1;
    int out_width = (width + 2 * padding - kernel) / stride + 1;
#pragma omp parallel
    {
        int threads = omp_get_num_threads(), each = (out_channels + threads - 1) / threads;
        int first = omp_get_thread_num() * each, last = first + each;
        for (int i = 0; i < batch; i++)
            for (int o = first; o < last && o < out_channels; o++)
                for (int r = 0; r < out_height; r++)
                    for (int s = 0; s < out_width; s++) {
                        real sum = bias[o];
                        for (int c = 0; c < in_channels; c++)
                            for (int u = 0; u < kernel; u++)
                                for (int v = 0; v < kernel; v++) {
                                    int p = r * stride + u - padding, q = s * stride + v - padding;
                                    if (p < 0 || q < 0 || p >= height || q >= width)
                                        continue;
                                    sum += in[((i * in_channels + c) * height + p) * width + q] *
                                           weight[((o * in_channels + c) * kernel + u) * kernel + v];
                                }
                        out[((i * out_channels + o) * out_height + r) * out_width + s] = sum;
                    }
    }
}
