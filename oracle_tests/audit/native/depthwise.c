/* One image, one filter of 3 x 3 for each channel, padding that keeps the size. */
void depthwise_conv2d(const float *src, const float *filter, float *dst, int channels, int rows, int cols)
{
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++) {
                float sum = 0;
                for (int u = -1; u <= 1; u++)
                    for (int v = -1; v <= 1; v++)
                        if (i + u >= 0 && i + u < rows && j + v >= 0 && j + v < cols)
                            sum += src[(c * rows + i + u) * cols + j + v] * filter[(c * 3 + u + 1) * 3 + v + 1];
                dst[(c * rows + i) * cols + j] = sum;
            }
}
