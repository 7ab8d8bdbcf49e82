/* In the style of darknet: a group of one image at a time as columns in a workspace, then a matrix product. */
#include <string.h>

static void im2col_cpu(const float *data_im, int channels, int height, int width, int ksize, int stride, int pad, float *data_col)
{
    int height_col = (height + 2 * pad - ksize) / stride + 1;
    int width_col = (width + 2 * pad - ksize) / stride + 1;
    int channels_col = channels * ksize * ksize;
    for (int c = 0; c < channels_col; ++c) {
        int w_offset = c % ksize;
        int h_offset = (c / ksize) % ksize;
        int c_im = c / ksize / ksize;
        for (int h = 0; h < height_col; ++h)
            for (int w = 0; w < width_col; ++w) {
                int row = h_offset + h * stride - pad, col = w_offset + w * stride - pad;
                int inside = row >= 0 && col >= 0 && row < height && col < width;
                data_col[(c * height_col + h) * width_col + w] =
                    inside ? data_im[col + width * (row + height * c_im)] : 0;
            }
    }
}

static void gemm_nn(int M, int N, int K, float ALPHA, const float *A, int lda, const float *B, int ldb, float *C, int ldc)
{
    for (int i = 0; i < M; ++i)
        for (int k = 0; k < K; ++k) {
            float A_PART = ALPHA * A[i * lda + k];
            for (int j = 0; j < N; ++j)
                C[i * ldc + j] += A_PART * B[k * ldb + j];
        }
}

void forward_conv2d(float *input, float *weights, float *output, float *workspace, int batch, int c, int h, int w, int n,
                    int size, int stride, int pad, int groups)
{
    int out_h = (h + 2 * pad - size) / stride + 1;
    int out_w = (w + 2 * pad - size) / stride + 1;
    int m = n / groups, k = size * size * c / groups, places = out_h * out_w;
    memset(output, 0, sizeof(float) * batch * n * places);
    for (int i = 0; i < batch; ++i)
        for (int j = 0; j < groups; ++j) {
            float *im = input + (i * groups + j) * c / groups * h * w;
            im2col_cpu(im, c / groups, h, w, size, stride, pad, workspace);
            gemm_nn(m, places, k, 1, weights + j * m * k, k, workspace, places, output + (i * groups + j) * m * places, places);
        }
}
