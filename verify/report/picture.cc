// Tested by tests/verify/report/pages_test.cc and tests/report/browser_test.py.
#include "verify/report/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "verify/report/figures.h"

namespace verdigris::verify {
namespace {

// Coordinates with one decimal: a tenth of a pixel.
std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  std::string out = text;
  if (out.ends_with(".0")) out.resize(out.size() - 2);
  return out == "-0" ? "0" : out;
}

std::string Superscript(int exponent) {
  static constexpr const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = "10";
  if (exponent < 0) out += "⁻";
  for (const char c : std::to_string(std::abs(exponent))) out += kDigits[c - '0'];
  return out;
}

// A drawing with a plot area in it.
class Drawing {
 public:
  Drawing(double width, double height, std::string_view title, const std::string& description, bool is_long = false)
      : width_(width), height_(height) {
    out_ = "<svg viewBox=\"0 0 " + Number(width) + " " + Number(height) + "\" role=\"img\"" + (is_long ? " class=\"long\"" : "") + ">\n<title>" +
           std::string(title) + "</title>\n<desc>" + description + "</desc>\n";
  }

  void SetPlot(double left, double top, double right, double bottom, double x_end, double y_end) {
    left_ = left, top_ = top, right_ = width_ - right, bottom_ = height_ - bottom, x_end_ = x_end, y_end_ = y_end;
  }
  double X(double x) const { return left_ + (right_ - left_) * std::clamp(x / x_end_, 0.0, 1.0); }
  double Y(double y) const { return bottom_ - (bottom_ - top_) * std::clamp(y / y_end_, 0.0, 1.0); }
  double left() const { return left_; }
  double right() const { return right_; }
  double top() const { return top_; }
  double bottom() const { return bottom_; }

  void Line(std::string_view style, double x1, double y1, double x2, double y2) {
    out_ += "<line class=\"" + std::string(style) + "\" x1=\"" + Number(x1) + "\" y1=\"" + Number(y1) + "\" x2=\"" + Number(x2) + "\" y2=\"" + Number(y2) + "\"/>\n";
  }
  void Rect(std::string_view style, double x, double y, double width, double height) {
    out_ += "<rect class=\"" + std::string(style) + "\" x=\"" + Number(x) + "\" y=\"" + Number(y) + "\" width=\"" + Number(std::max(0.0, width)) + "\" height=\"" +
            Number(std::max(0.0, height)) + "\"/>\n";
  }
  void Path(std::string_view style, const std::string& data) { out_ += "<path class=\"" + std::string(style) + "\" d=\"" + data + "\"/>\n"; }
  // `anchor`: start, middle or end.
  void Text(double x, double y, std::string_view anchor, const std::string& text, bool strong = false) {
    out_ += "<text x=\"" + Number(x) + "\" y=\"" + Number(y) + "\" text-anchor=\"" + std::string(anchor) + "\"" + (strong ? " class=\"t\"" : "") + ">" + text + "</text>\n";
  }
  void Axes() {
    Line("axis", left_, bottom_, right_, bottom_);
    Line("axis", left_, top_, left_, bottom_);
  }
  void GridY(double y, const std::string& label) {
    Line("grid", left_, Y(y), right_, Y(y));
    Text(left_ - 8, Y(y) + 4, "end", label);
  }
  void TickX(double x, const std::string& label, std::string_view anchor = "middle") {
    Line("axis", X(x), bottom_, X(x), bottom_ + 4);
    Text(X(x), bottom_ + 20, anchor, label);
  }
  std::string Done() { return out_ + "</svg>\n"; }

 private:
  double width_, height_;
  double left_ = 0, top_ = 0, right_ = 0, bottom_ = 0, x_end_ = 1, y_end_ = 1;
  std::string out_;
};

std::string MoveTo(double x, double y) { return "M" + Number(x) + " " + Number(y); }
std::string LineTo(double x, double y) { return "L" + Number(x) + " " + Number(y); }

// 1, 2 or 5 times a power of ten, so that at most `most` steps make `end`.
double NiceStep(double end, double most) {
  double step = std::pow(10, std::floor(std::log10(end / most)));
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    if (step * factor * most >= end) return step * factor;
  }
  return step * 10;
}

std::string Short(uint64_t value) {
  static constexpr std::array<std::pair<double, const char*>, 4> kUnits = {{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  for (const auto& [size, name] : kUnits) {
    if (static_cast<double>(value) < size) continue;
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", static_cast<double>(value) / size);
    return std::string(text) + name;
  }
  return std::to_string(value);
}

}  // namespace

std::string TrajectoryPicture(const Trajectory& trajectory, size_t tokens, std::span<const MarkedSegment> segments, double alpha) {
  const std::string level = "alpha " + PrintReal(alpha);
  char highest[32];
  std::snprintf(highest, sizeof highest, "%.1f", trajectory.highest);
  std::string description = "Evidence for a mark over " + Grouped(tokens) + " tokens, as the logarithm of a test martingale. It rises to 10^" + std::string(highest) + "; the level " + level;
  description += trajectory.reached ? " is reached at token " + Grouped(*trajectory.reached) + "." : " is not reached.";
  if (!segments.empty()) description += " Marked segments: " + std::to_string(segments.size()) + ".";
  const double top = 1.12 * std::max(trajectory.level, trajectory.highest);
  Drawing drawing(760, segments.empty() ? 250 : 280, "Evidence along the text", description, /*is_long=*/true);
  drawing.SetPlot(segments.empty() ? 62 : 96, 14, 14, segments.empty() ? 46 : 76, static_cast<double>(std::max<size_t>(tokens, 1)), top);
  const double step = std::max(1.0, NiceStep(top, 5));
  for (double y = 0; y <= top; y += step) drawing.GridY(y, y == 0 ? "1" : Superscript(static_cast<int>(y)));
  const size_t columns = trajectory.height.size();
  if (columns > 0) {
    std::string curve, area = MoveTo(drawing.X(0), drawing.Y(0));
    for (size_t c = 0; c < columns; ++c) {
      const double x = drawing.X(static_cast<double>(tokens) * (static_cast<double>(c) + 0.5) / static_cast<double>(columns)), y = drawing.Y(trajectory.height[c]);
      curve += c == 0 ? MoveTo(x, y) : LineTo(x, y);
      area += LineTo(x, y);
    }
    drawing.Path("area", area + LineTo(drawing.right(), drawing.Y(trajectory.height.back())) + LineTo(drawing.right(), drawing.Y(0)) + "Z");
    drawing.Path("curve", curve);
  }
  drawing.Line("mark", drawing.left(), drawing.Y(trajectory.level), drawing.right(), drawing.Y(trajectory.level));
  drawing.Text(drawing.left() + 8, drawing.Y(trajectory.level) - 7, "start", level, /*strong=*/true);
  if (trajectory.reached) {
    const double x = drawing.X(static_cast<double>(*trajectory.reached)), y = drawing.Y(trajectory.level);
    drawing.Path("dot", MoveTo(x, y - 7) + LineTo(x + 7, y) + LineTo(x, y + 7) + LineTo(x - 7, y) + "Z");
  }
  drawing.Axes();
  if (!segments.empty()) {
    for (const MarkedSegment& segment : segments) {
      const double x = drawing.X(static_cast<double>(segment.first)), end = drawing.X(static_cast<double>(segment.last));
      drawing.Rect("bar", x, drawing.bottom() + 28, std::max(2.0, end - x), 8);
      drawing.Line("axis", x, drawing.bottom() + 24, x, drawing.bottom() + 40);
      drawing.Line("axis", std::max(end, x + 2), drawing.bottom() + 24, std::max(end, x + 2), drawing.bottom() + 40);
    }
    drawing.Text(drawing.left() - 8, drawing.bottom() + 37, "end", "marked");
  }
  drawing.TickX(0, "0", "start");
  const double x_step = NiceStep(static_cast<double>(tokens), 4);
  for (double x = x_step; x < 0.9 * static_cast<double>(tokens); x += x_step) {
    if (x_step >= 1) drawing.TickX(x, Short(static_cast<uint64_t>(x)));
  }
  drawing.TickX(static_cast<double>(tokens), Short(tokens) + " tokens", "end");
  return drawing.Done();
}

std::string HistogramPicture(std::span<const uint64_t> bins, uint64_t m, CountBand band) {
  size_t outside = 0;
  uint64_t most = std::max<uint64_t>(band.upper, 1);
  for (const uint64_t bin : bins) {
    outside += bin < band.lower || bin > band.upper;
    most = std::max(most, bin);
  }
  Drawing drawing(480, 290, "How the p-values are spread",
                  std::to_string(bins.size()) + " bins of the p-values of " + Grouped(m) + " documents. Unmarked documents would put " + Grouped(band.lower) + " to " +
                      Grouped(band.upper) + " into each; " + std::to_string(outside) + " bins lie outside of that.");
  drawing.SetPlot(58, 14, 12, 52, 1, 1.08 * static_cast<double>(most));
  const double step = std::max(1.0, NiceStep(static_cast<double>(most), 5));
  for (double y = 0; y <= 1.05 * static_cast<double>(most); y += step) drawing.GridY(y, Short(static_cast<uint64_t>(y)));
  const double width = 1 / static_cast<double>(bins.size());
  for (size_t i = 0; i < bins.size(); ++i) {
    const double x = drawing.X(static_cast<double>(i) * width) + 1, end = drawing.X(static_cast<double>(i + 1) * width) - 1, y = drawing.Y(static_cast<double>(bins[i]));
    const bool out = bins[i] < band.lower || bins[i] > band.upper;
    drawing.Rect(out ? "out" : "bar", x, y, end - x, drawing.bottom() - y);
  }
  // Over the bars, as a strip at either side of its middle: it must be seen where they are taller.
  const double low = drawing.Y(static_cast<double>(band.lower)), high = drawing.Y(static_cast<double>(band.upper));
  drawing.Line("mark", drawing.left(), high, drawing.right(), high);
  if (low - high > 2) drawing.Line("mark", drawing.left(), low, drawing.right(), low);
  for (size_t i = 0; i < bins.size(); ++i) {
    if (bins[i] >= band.lower && bins[i] <= band.upper) continue;
    const double x = drawing.X((static_cast<double>(i) + 0.5) * width), y = std::max(drawing.top() + 2, drawing.Y(static_cast<double>(bins[i])) - 4);
    drawing.Path("out", MoveTo(x, y - 7) + LineTo(x + 5, y) + LineTo(x - 5, y) + "Z");
  }
  drawing.Axes();
  for (const double x : {0.0, 0.25, 0.5, 0.75, 1.0}) drawing.TickX(x, PrintReal(x));
  drawing.Text((drawing.left() + drawing.right()) / 2, drawing.bottom() + 42, "middle", "p-value of a document");
  return drawing.Done();
}

std::string QuantilePicture(std::span<const Quantile> levels, uint64_t m, uint64_t beyond) {
  const double documents = static_cast<double>(std::max<uint64_t>(m, 1));
  const double y_end = levels.empty() ? 1 : levels.back().minus_log10 + 0.35, x_end = std::max(1.0, std::log10(documents) + 0.3);
  const auto rank = [&](uint64_t count) { return count == 0 ? x_end : -std::log10(static_cast<double>(count) / documents); };
  size_t above = 0;
  for (const Quantile& level : levels) above += level.count > level.band.upper;
  Drawing drawing(480, 290, "Small p-values against what chance gives",
                  "At " + std::to_string(levels.size()) + " levels, the share of documents at or below the level against the level. At " + std::to_string(above) +
                      " of them more documents lie there than the band of unmarked documents allows." +
                      (beyond > 0 ? " " + Grouped(beyond) + " documents lie below the last level." : ""));
  drawing.SetPlot(58, 14, 12, 52, x_end, y_end);
  const double y_step = std::max(1.0, NiceStep(y_end, 6)), x_step = std::max(1.0, NiceStep(x_end, 6));
  for (double y = 0; y <= y_end; y += y_step) drawing.GridY(y, y == 0 ? "1" : Superscript(-static_cast<int>(y)));
  if (!levels.empty()) {
    std::string left = MoveTo(drawing.X(0), drawing.Y(0)), right;
    for (const Quantile& level : levels) left += LineTo(drawing.X(rank(level.band.upper)), drawing.Y(level.minus_log10));
    for (size_t i = levels.size(); i-- > 0;) right += LineTo(drawing.X(rank(levels[i].band.lower)), drawing.Y(levels[i].minus_log10));
    drawing.Path("band", left + right + "Z");
  }
  const double diagonal = std::min(x_end, y_end);
  drawing.Line("fair", drawing.X(0), drawing.Y(0), drawing.X(diagonal), drawing.Y(diagonal));
  std::string curve = MoveTo(drawing.X(0), drawing.Y(0));
  for (const Quantile& level : levels) {
    if (level.count > 0) curve += LineTo(drawing.X(rank(level.count)), drawing.Y(level.minus_log10));
  }
  drawing.Path("curve", curve);
  for (const Quantile& level : levels) {
    if (level.count == 0) continue;
    const double x = drawing.X(rank(level.count)), y = drawing.Y(level.minus_log10);
    if (level.count > level.band.upper) {
      drawing.Path("out", MoveTo(x, y - 4) + LineTo(x + 4, y) + LineTo(x, y + 4) + LineTo(x - 4, y) + "Z");
    } else {
      drawing.Rect("dot", x - 2, y - 2, 4, 4);
    }
  }
  if (beyond > 0) drawing.Text(drawing.X(rank(beyond)) + 8, drawing.top() + 10, drawing.X(rank(beyond)) > 320 ? "end" : "start", "▲ " + Grouped(beyond) + " below " + Superscript(-static_cast<int>(levels.back().minus_log10)), true);
  drawing.Axes();
  for (double x = 0; x <= x_end; x += x_step) drawing.TickX(x, x == 0 ? "1" : Superscript(-static_cast<int>(x)));
  drawing.Text((drawing.left() + drawing.right()) / 2, drawing.bottom() + 42, "middle", "share of documents at or below that p");
  return drawing.Done();
}

std::string LengthPicture(std::span<const uint64_t> lengths) {
  size_t first = 0, last = lengths.size();
  while (first < last && lengths[first] == 0) ++first;
  while (last > first && lengths[last - 1] == 0) --last;
  const std::span<const uint64_t> bins = lengths.subspan(first, last - first);
  const uint64_t most = bins.empty() ? 1 : *std::max_element(bins.begin(), bins.end());
  // 4096, 16k, 2M: in powers of two.
  const auto tokens = [&](size_t bin) {
    static constexpr const char* kUnits[] = {"", "k", "M", "G", "T", "P"};
    const size_t unit = bin < 13 ? 0 : std::min<size_t>(bin / 10, 5);
    return std::to_string(uint64_t{1} << std::min<size_t>(bin - 10 * unit, 62)) + kUnits[unit];
  };
  Drawing drawing(480, 270, "Lengths of the documents",
                  bins.empty() ? "No document was tested." : "Documents by scored tokens, in bins from " + tokens(first) + " to " + tokens(last) + ", each twice the one before.");
  const double width = 1 / static_cast<double>(std::max<size_t>(bins.size(), 4));
  drawing.SetPlot(58, 14, 12, 52, 1, 1.05 * static_cast<double>(most));
  const double step = std::max(1.0, NiceStep(static_cast<double>(most), 5));
  for (double y = 0; y <= 1.04 * static_cast<double>(most); y += step) drawing.GridY(y, Short(static_cast<uint64_t>(y)));
  const size_t every = (bins.size() + 7) / 8;
  for (size_t i = 0; i < bins.size(); ++i) {
    const double x = drawing.X(static_cast<double>(i) * width) + 1, end = drawing.X(static_cast<double>(i + 1) * width) - 1, y = drawing.Y(static_cast<double>(bins[i]));
    drawing.Rect("bar", x, y, end - x, drawing.bottom() - y);
    if (i % every == 0) drawing.TickX(static_cast<double>(i) * width, tokens(first + i));
  }
  if (!bins.empty() && bins.size() % every == 0) drawing.TickX(static_cast<double>(bins.size()) * width, tokens(last), bins.size() < 4 ? "middle" : "end");
  drawing.Axes();
  drawing.Text((drawing.left() + drawing.right()) / 2, drawing.bottom() + 42, "middle", "scored tokens of a document");
  return drawing.Done();
}

std::string PowerPicture(double power) {
  Drawing drawing(480, 54, "Power", "Of marked texts of this length " + Percent(power) + " would be detected.");
  drawing.SetPlot(2, 4, 2, 26, 1, 1);
  drawing.Rect("band", drawing.X(0), drawing.top(), drawing.right() - drawing.left(), drawing.bottom() - drawing.top());
  drawing.Rect("bar", drawing.X(0), drawing.top(), drawing.X(power) - drawing.X(0), drawing.bottom() - drawing.top());
  drawing.Line("mark", drawing.X(0.9), drawing.top() - 4, drawing.X(0.9), drawing.bottom() + 4);
  drawing.Text(drawing.X(0), drawing.bottom() + 20, "start", "0 %");
  drawing.Text(drawing.X(0.9), drawing.bottom() + 20, "middle", "90 %");
  return drawing.Done();
}

}  // namespace verdigris::verify
