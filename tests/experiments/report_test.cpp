#include "ldm/experiments/report.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "ldm/experiments/grid_layout.h"
#include "ldm/experiments/html_text.h"
#include "ldm/experiments/svg_plot.h"
#include "tests/experiments/experiment_test_util.h"
#include "tests/support/files.h"

namespace ldm::experiments {
namespace {

using ldm::testing::painted;
using ldm::testing::plan_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kTwoByTwo =
    "title: \"<b>A & B</b>\"\nmodels: [ { name: m }, { name: n, ema: off } ]\nprompts: [ "
    "\"</script><script>alert(1)\" ]\n"
    "axes: { cross: { scale: [ 1, 3 ] } }\ncompare: { to: m }\nmetrics: [ psnr ]\n";

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(HtmlText, EscapesAndEncodes) {
  EXPECT_EQ(escaped("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(escaped("\xC3\xBC \xFF"), "\xEF\xBF\xBD\xEF\xBF\xBD \xEF\xBF\xBD");
  EXPECT_EQ(escaped("\xC3\xBC"), "\xC3\xBC");
  // The vectors of RFC 4648.
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64(std::string("\xFF\xEF\0", 3)), "/+8A");
}

TEST(HtmlReport, HoldsEachPictureOnceAndEscapesAll) {
  const Plan plan = plan_of(kTwoByTwo);
  const Results results = painted(plan);
  const std::string page = html_report(results);
  EXPECT_EQ(count(page, "data:image/png;base64,"), 4U);
  for (const Result& result : results.pictures) {
    const std::string picture = base64(testing::read_file(results.folder + "/" + result.record.picture));
    EXPECT_EQ(count(page, picture), 1U) << result.record.picture;
  }
  EXPECT_THAT(page, AllOf(HasSubstr("&lt;b&gt;A &amp; B&lt;/b&gt;"), Not(HasSubstr("<b>A")),
                          Not(HasSubstr("<script>alert"))));
  EXPECT_EQ(count(page, "</script>"), 2U);  // the data's and the page's own
  EXPECT_EQ(count(page, "<figure data-cell="), 4U);
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
}

TEST(HtmlReport, LeavesRoomForWhatIsNotDone) {
  const Plan plan = plan_of(kTwoByTwo);
  Results results = painted(plan);
  results.pictures.erase(results.pictures.begin() + 1);
  const std::string page = html_report(results);
  EXPECT_EQ(count(page, "not done yet</td>"), 1U);
  EXPECT_THAT(page, HasSubstr("3 of 4 pictures are done"));
}

TEST(HtmlReport, LinksPicturesThatAreTooMany) {
  const Plan plan = plan_of(std::string(kTwoByTwo) + "report: { embed_mb: 0 }\n");
  const std::string page = html_report(painted(plan));
  EXPECT_EQ(count(page, "data:image/png"), 0U);
  EXPECT_EQ(count(page, "src=\"images/key"), 4U);
  EXPECT_THAT(page, HasSubstr("must stay beside it"));
}

TEST(HtmlReport, StandsAnExperimentOfOnePictureWithoutMetrics) {
  const Plan plan = plan_of("prompts: [ a ]\n");
  EXPECT_THAT(html_report(painted(plan)), AllOf(HasSubstr("<figure"), Not(HasSubstr("<h2>Summary"))));
}

TEST(MatrixLayout, PutsTheComparedAndTheLongestAxisAcross) {
  const Plan plan = plan_of(
      "models: [ { name: m }, { name: n, ema: off } ]\nprompts: [ a, b ]\nseeds: [ 1, 2 ]\naxes: { cross: { "
      "steps: [ 2, 3 ], scale: [ 1, 3, 5 ] } }\n"
      "compare: { to: m }\n");
  const MatrixLayout layout = matrix_layout(plan);
  EXPECT_THAT(layout.across, ElementsAre("scale", "model"));
  EXPECT_THAT(layout.down, ElementsAre("ddim_steps", "prompt", "seed"));
  EXPECT_THAT(matrix_lines(plan, layout.across),
              ElementsAre(ElementsAre("1", "m"), ElementsAre("1", "n"), ElementsAre("3", "m"),
                          ElementsAre("3", "n"), ElementsAre("5", "m"), ElementsAre("5", "n")));
}

TEST(SvgPlot, HasAPointForEachFiniteValue) {
  const Plot plot{"t<", "x", "y", {{"one", {{1, 2}, {2, NAN}, {3, 5}}}, {"none", {}}, {"two", {{1, 7}}}}};
  const std::string svg = svg_of(plot);
  EXPECT_EQ(count(svg, "<circle"), 3U);
  EXPECT_THAT(svg, AllOf(HasSubstr("t&lt;"), Not(HasSubstr("nan")), Not(HasSubstr("none"))));
  EXPECT_EQ(svg_of({"", "", "", {{"none", {{1, INFINITY}}}}}), "");
}

TEST(SvgPlot, TicksAreRoundAndCover) {
  EXPECT_THAT(ticks(0, 1, 5), ElementsAre(0, ::testing::DoubleEq(0.2), ::testing::DoubleEq(0.4),
                                          ::testing::DoubleNear(0.6, 1e-12), ::testing::DoubleEq(0.8), 1));
  EXPECT_THAT(ticks(3, 38, 5), ElementsAre(0, 10, 20, 30, 40));
  const std::vector<double> around = ticks(5, 5, 5);
  EXPECT_LT(around.front(), 5);
  EXPECT_GT(around.back(), 5);
}

TEST(MarkdownSummary, HasARowForEachValue) {
  const Plan plan = plan_of(kTwoByTwo);
  Results results = painted(plan);
  for (Result& result : results.pictures) {
    if (plan.cells[result.cell].model == 1) result.metrics["psnr"] = 20 + static_cast<double>(result.cell);
  }
  const std::string text = markdown_summary(results);
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("| scale | PSNR (dB) |\n|---|---|\n| 1 | 22.00 ± 0.00 (1) |\n| 3 | 23.00 ± 0.00 (1) |"),
            HasSubstr("| m | – |")));
}

TEST(GridLayout, ShrinksWhatWouldBeTooLong) {
  const GridLayout small = grid_layout(2, 3, 64, 48, true, 2);
  EXPECT_EQ(small.picture_width, 48);
  EXPECT_EQ(small.picture_height, 64);
  EXPECT_GT(small.left, small.gap);
  const GridLayout large = grid_layout(2, 300, 512, 512, true, 2);
  EXPECT_LT(large.picture_width, 64);
  EXPECT_LE(large.x(300), kLongestGrid);
  EXPECT_EQ(large.picture_width, large.picture_height);
  EXPECT_THROW(grid_layout(2, 3000, 512, 512, true, 2), std::invalid_argument);
}

TEST(GridLayout, LabelsAreAscii) {
  EXPECT_EQ(ascii_label("h\xC3\xBCte\n\xE2\x82\xAC", 20), "h?te ?");
  EXPECT_EQ(ascii_label("abcdefghij", 8), "abcde...");
  EXPECT_EQ(ascii_label("abc", 2), "ab");
}

TEST(LabelledGrid, ShowsPicturesAtTheirPlaces) {
  const Plan plan = plan_of("prompts: [ a ]\nseeds: [ 1, 2 ]\naxes: { cross: { scale: [ 1, 3 ] } }\n");
  Results results = painted(plan, 64);
  results.pictures.pop_back();
  const at::Tensor grid = labelled_grid(results);
  const GridLayout layout = grid_layout(2, 2, 128, 128, true, 2);  // twice as large
  ASSERT_THAT(grid.sizes().vec(), ElementsAre(layout.y(2), layout.x(2), 3));
  const auto middle = [&](std::size_t row, std::size_t column) {
    return grid[layout.y(row) + 64][layout.x(column) + 64][0].item<int>();
  };
  // Cells are numbered scale by scale, and seeds stand below each other; their colour is their number.
  EXPECT_EQ(middle(0, 0), 0);
  EXPECT_EQ(middle(1, 0), 1);
  EXPECT_EQ(middle(0, 1), 2);
  EXPECT_GT(middle(1, 1), 200);                                     // not done
  EXPECT_LT(grid.narrow(0, 0, layout.top).min().item<int>(), 128);  // there are letters above
}

}  // namespace
}  // namespace ldm::experiments
