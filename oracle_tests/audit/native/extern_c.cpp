// A template in C++ behind a C interface: int8 operands, sums and a bias of 32 bits.
#include <cstdint>
#include <vector>

namespace {
template <typename T, typename Sum>
void convolve(const T *x, const T *w, const Sum *b, Sum *y, int n, int c, int h, int width, int oc, int kh, int kw)
{
    const int oh = h - kh + 1, ow = width - kw + 1;
    std::vector<Sum> row(ow);
    for (int i = 0; i < n; ++i)
        for (int o = 0; o < oc; ++o)
            for (int r = 0; r < oh; ++r) {
                row.assign(ow, b ? b[o] : Sum{0});
                for (int k = 0; k < c; ++k)
                    for (int u = 0; u < kh; ++u)
                        for (int v = 0; v < kw; ++v)
                            for (int s = 0; s < ow; ++s)
                                row[s] += Sum{x[((i * c + k) * h + r + u) * width + s + v]} * w[((o * c + k) * kh + u) * kw + v];
                for (int s = 0; s < ow; ++s)
                    y[((i * oc + o) * oh + r) * ow + s] = row[s];
            }
}
} // namespace

extern "C" void conv2d_int8(const std::int8_t *__restrict__ x, const std::int8_t *__restrict__ w, const std::int32_t *b,
                            std::int32_t *y, int n, int c, int h, int width, int oc, int kh, int kw) noexcept
{
    convolve<std::int8_t, std::int32_t>(x, w, b, y, n, c, h, width, oc, kh, kw);
}
