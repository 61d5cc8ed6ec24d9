#include "ldm/training/metrics_file.h"

#include <gtest/gtest.h>

#include "ldm/files/error.h"
#include "tests/support/files.h"

namespace ldm::training {
namespace {

using ldm::testing::read_file;
using ldm::testing::write_file;

TEST(MetricsFile, GrowsRowByRow) {
  const std::string path = ldm::testing::new_folder() + "/train.csv";
  MetricsFile file(path, 0);
  file.add(10, 0, {{"loss", 0.5}, {"lr", 1e-3}});
  EXPECT_EQ(read_file(path), "step,epoch,loss,lr\n10,0,0.5,0.001\n");
  file.add(20, 1, {{"lr", 2e-3}, {"loss", 0.25}});
  EXPECT_EQ(read_file(path), "step,epoch,loss,lr\n10,0,0.5,0.001\n20,1,0.25,0.002\n");
}

TEST(MetricsFile, AFurtherMetricGetsAColumn) {
  const std::string path = ldm::testing::new_folder() + "/train.csv";
  MetricsFile file(path, 0);
  file.add(1, 0, {{"loss", 0.5}});
  file.add(2, 0, {{"other", 7}});
  EXPECT_EQ(read_file(path), "step,epoch,loss,other\n1,0,0.5,\n2,0,,7\n");
}

TEST(MetricsFile, DropsWhatComesAfterTheStepThatIsResumed) {
  const std::string path = ldm::testing::new_folder() + "/train.csv";
  write_file(path, "step,epoch,loss\n1,0,0.5\n2,0,0.4\n3,0,0.3\n4,1");  // a crash cut the last row
  MetricsFile file(path, 2);
  file.add(3, 0, {{"loss", 0.35}});
  EXPECT_EQ(read_file(path), "step,epoch,loss\n1,0,0.5\n2,0,0.4\n3,0,0.35\n");
}

TEST(MetricsFile, RefusesAFileOfAnotherKind) {
  const std::string path = write_file(ldm::testing::new_folder() + "/train.csv", "hello\n");
  EXPECT_THROW(MetricsFile(path, 0), files::FileError);
}

}  // namespace
}  // namespace ldm::training
