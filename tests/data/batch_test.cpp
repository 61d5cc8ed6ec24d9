#include "ldm/data/batch.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "ldm/data/error.h"
#include "tests/support/files.h"

namespace ldm::data {
namespace {

using ldm::testing::error_of;
using ::testing::HasSubstr;

Example example(float value, std::int64_t label, const std::string& caption) {
  return {{"image", at::full({2, 3, 3}, value)}, {"class_label", label}, {"caption", caption}};
}

Batch batch_of(const std::vector<Example>& examples) {
  Batch batch;
  batch.fields = collate(examples, std::vector<std::string>{"one", "two"});
  return batch;
}

TEST(Collate, StacksEachFieldByItsKind) {
  const Batch batch = batch_of({example(0.5f, 7, "a"), example(-1.0f, 9, "b")});
  EXPECT_TRUE(
      at::equal(batch.tensor("image"), at::stack({at::full({2, 3, 3}, 0.5f), at::full({2, 3, 3}, -1.0f)})));
  EXPECT_TRUE(at::equal(batch.tensor("class_label"), at::tensor({7, 9}, at::kLong)));
  EXPECT_EQ(batch.texts("caption"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(batch.fields.size(), 3u);
}

TEST(Collate, DifferentSizesNameBothItemsAndTheRemedy) {
  Example larger = example(0, 0, "");
  larger["image"] = at::zeros({4, 3, 3});
  EXPECT_EQ(error_of<ImageError>([&] {
              batch_of({example(0, 0, ""), larger});
            }),
            "expected values of one shape for 'image' in a batch, got Float [2, 3, 3] from 'one' and Float "
            "[4, 3, 3] "
            "from 'two': set the dataset's size, which brings all images to one");
}

TEST(Collate, DifferentFieldsAreRefused) {
  Example other = example(0, 0, "");
  other.erase("caption");
  EXPECT_THAT(error_of<std::invalid_argument>([&] {
                batch_of({example(0, 0, ""), other});
              }),
              HasSubstr("got a field 'caption' of 'one' that 'two' has not"));
  other["caption"] = std::int64_t{3};
  EXPECT_THROW(batch_of({example(0, 0, ""), other}), std::invalid_argument);
  EXPECT_THROW(collate({}, {}), std::invalid_argument);
}

TEST(Batch, AFieldThatIsNotThereIsToldWithThoseThatAre) {
  const Batch batch = batch_of({example(0, 0, ""), example(0, 0, "")});
  EXPECT_THAT(error_of<std::invalid_argument>([&] { batch.texts("txt"); }),
              HasSubstr("a field 'txt' with texts in the examples, got none of that name; they have caption, "
                        "class_label, image"));
  EXPECT_THAT(error_of<std::invalid_argument>([&] { batch.tensor("caption"); }),
              HasSubstr("got another kind"));
}

}  // namespace
}  // namespace ldm::data
