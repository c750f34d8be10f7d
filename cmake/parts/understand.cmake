# An emulated GPU that several processes share: the made-up NVML sets it, a job runs at its speed.
if(ERGON_TESTS)
  target_sources(fake_nvml PRIVATE "${PROJECT_SOURCE_DIR}/tests/fixtures/fake_nvml_levers.c"
    "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_gpu.c")
  target_compile_definitions(fake_nvml PRIVATE _GNU_SOURCE)
  target_link_libraries(fake_nvml PRIVATE m)
  add_executable(emulated_gpu_job "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_gpu_job.c"
    "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_gpu.c")
  target_compile_definitions(emulated_gpu_job PRIVATE _GNU_SOURCE)
  target_link_libraries(emulated_gpu_job PRIVATE m)
  add_executable(emulated_cpu_job "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_cpu_job.c")
  set_target_properties(emulated_gpu_job emulated_cpu_job PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
endif()

function(ergon_understand_tests)
  if(TARGET unit.understand.levers.test_gpu)
    target_sources(unit.understand.levers.test_gpu PRIVATE
      "${PROJECT_SOURCE_DIR}/tests/fixtures/emulated_gpu.c")
  endif()
endfunction()
cmake_language(DEFER CALL ergon_understand_tests)
