# `ninja tidy`: clang-tidy over the sources that differ from LDM_TIDY_BASE (about 20 s for each file).
set(LDM_TIDY_BASE "HEAD" CACHE STRING "Git revision that the tidy target compares with")
find_program(LDM_CLANG_TIDY clang-tidy)
if(LDM_CLANG_TIDY)
  add_custom_target(
    tidy
    COMMAND
      sh -c "git diff --name-only --diff-filter=d ${LDM_TIDY_BASE} -- '*.cpp' | xargs -r ${LDM_CLANG_TIDY} -p ${CMAKE_BINARY_DIR} --quiet"
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "clang-tidy over the files changed since ${LDM_TIDY_BASE}"
    VERBATIM)
endif()
