! SPDX-License-Identifier: Apache-2.0
!
! Energy of parts of a Fortran program, through libergon:
!
!     use ergon
!     type(ergon_meter) :: meter
!     type(ergon_region) :: region
!     type(ergon_energy) :: energy
!     call meter%open()
!     call region%begin(meter)
!     call work()
!     call region%end(energy)
!     print *, energy%energy_j, 'J', energy%duration_s, 's'
!     call meter%close()
!
! Regions may nest and overlap. With a meter that is not open, begin and end do nothing and the
! energy is NaN, so that instrumented code can stay as it is. Every call takes an optional integer
! stat (0: good) and character errmsg; without stat an error stops the program, as Fortran's own
! statements do. Compile this file with your program and link with -lergon.
module ergon
  use, intrinsic :: iso_c_binding
  implicit none
  private
  public :: ergon_meter, ergon_region, ergon_energy

  ! struct ergon_energy of ergon/measure.h.
  type, bind(c) :: c_energy
    real(c_double) :: duration_s, energy_j, low_j, high_j
    integer(c_int) :: measured, modelled
  end type

  ! struct ergon_error of ergon/error.h.
  type, bind(c) :: c_error
    integer(c_int) :: code
    integer(c_long) :: line
    character(kind=c_char) :: file(192)
    character(kind=c_char) :: text(448)
  end type

  type :: ergon_energy
    real(c_double) :: duration_s = 0
    real(c_double) :: energy_j = 0        ! NaN where nothing could be read
    real(c_double) :: low_j = 0, high_j = 0 ! about 95%
    logical :: measured = .false.         ! a sensor contributed
    logical :: modelled = .false.         ! a model contributed
  end type

  type :: ergon_meter
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: open => meter_open
    procedure :: close => meter_close
    procedure :: is_open => meter_is_open
  end type

  type :: ergon_region
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: begin => region_begin
    procedure :: end => region_end
  end type

  interface
    function c_meter_open(meter, env, sensors, interval_ns, err) bind(c, name='ergon_meter_open')
      import :: c_ptr, c_int, c_int64_t, c_error
      type(c_ptr), intent(out) :: meter
      type(c_ptr), value :: env, sensors
      integer(c_int64_t), value :: interval_ns
      type(c_error), intent(out) :: err
      integer(c_int) :: c_meter_open
    end function
    subroutine c_meter_close(meter) bind(c, name='ergon_meter_close')
      import :: c_ptr
      type(c_ptr), value :: meter
    end subroutine
    function c_region_begin(meter, region, err) bind(c, name='ergon_region_begin')
      import :: c_ptr, c_int, c_error
      type(c_ptr), value :: meter
      type(c_ptr), intent(out) :: region
      type(c_error), intent(out) :: err
      integer(c_int) :: c_region_begin
    end function
    function c_region_end(region, energy, err) bind(c, name='ergon_region_end')
      import :: c_ptr, c_int, c_energy, c_error
      type(c_ptr), value :: region
      type(c_energy), intent(out) :: energy
      type(c_error), intent(out) :: err
      integer(c_int) :: c_region_end
    end function
  end interface

contains

  ! sensors: such as 'rapl_powercap,nvml'; all that are ready where it is absent. interval_s: time
  ! between two samples, 0.1 s where it is absent.
  subroutine meter_open(self, sensors, interval_s, stat, errmsg)
    class(ergon_meter), intent(inout) :: self
    character(len=*), intent(in), optional :: sensors
    real(c_double), intent(in), optional :: interval_s
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    character(kind=c_char), allocatable, target :: words(:)
    type(c_error) :: err
    type(c_ptr) :: list
    integer(c_int64_t) :: interval_ns
    integer(c_int) :: code
    integer :: i
    call self%close()
    list = c_null_ptr
    if (present(sensors)) then
      allocate (words(len_trim(sensors) + 1))
      do i = 1, len_trim(sensors)
        words(i) = sensors(i:i)
      end do
      words(size(words)) = c_null_char
      list = c_loc(words)
    end if
    interval_ns = 0
    if (present(interval_s)) interval_ns = nint(interval_s * 1d9, c_int64_t)
    code = c_meter_open(self%handle, c_null_ptr, list, interval_ns, err)
    call tell(code, err, stat, errmsg)
  end subroutine

  subroutine meter_close(self)
    class(ergon_meter), intent(inout) :: self
    call c_meter_close(self%handle)
    self%handle = c_null_ptr
  end subroutine

  logical function meter_is_open(self)
    class(ergon_meter), intent(in) :: self
    meter_is_open = c_associated(self%handle)
  end function

  subroutine region_begin(self, meter, stat, errmsg)
    class(ergon_region), intent(inout) :: self
    class(ergon_meter), intent(in) :: meter
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_error) :: err
    call tell(c_region_begin(meter%handle, self%handle, err), err, stat, errmsg)
  end subroutine

  ! The region is over, whatever stat says; it may begin again.
  subroutine region_end(self, energy, stat, errmsg)
    class(ergon_region), intent(inout) :: self
    type(ergon_energy), intent(out) :: energy
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_energy) :: c
    type(c_error) :: err
    integer(c_int) :: code
    code = c_region_end(self%handle, c, err)
    self%handle = c_null_ptr
    if (code == 0) energy = ergon_energy(c%duration_s, c%energy_j, c%low_j, c%high_j, &
                                         c%measured /= 0, c%modelled /= 0)
    call tell(code, err, stat, errmsg)
  end subroutine

  subroutine tell(code, err, stat, errmsg)
    integer(c_int), intent(in) :: code
    type(c_error), intent(in) :: err
    integer, intent(out), optional :: stat
    character(len=*), intent(inout), optional :: errmsg
    character(len=size(err%text)) :: text
    integer :: i
    if (present(stat)) stat = int(code)
    if (code == 0) return
    text = ' '
    do i = 1, size(err%text)
      if (err%text(i) == c_null_char) exit
      text(i:i) = err%text(i)
    end do
    if (present(errmsg)) errmsg = text
    if (.not. present(stat)) then
      error stop 'ergon: an error, and nobody asked for stat'
    end if
  end subroutine

end module
